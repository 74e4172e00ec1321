// Package ocilayout writes OCI image layouts: the directories of oci-layout, index.json
// and blobs in which images, WebAssembly modules, model weights and SBOMs are built,
// shipped and cached. It is libocilayout by cgo, and finds that by pkg-config.
//
// What is opened, a [Layout], a [Transaction], a [Writer] or a [BlobReader], is to be
// closed; what was forgotten is closed by the garbage collector. All else is plain
// values. A layout may be used by any number of goroutines, and by other processes, at
// once; options may be nil.
//
// A context stops a call wherever it is: in a reader that blocks, while the library
// compresses or hashes, or while it waits for another writer. Only what waits for the
// disk is waited for. Calls that take no context wait for nobody. While it runs, a call
// keeps a thread of the system, as one that reads a file does.
//
// Calls fail with an [*Error], which is a [Status], and what the caller's own reader,
// function or context told: ask by errors.Is. A panic of a function that the library
// calls goes on at who made the call.
package ocilayout
