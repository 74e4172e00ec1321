// Package layout reads and writes OCI image layouts with the verbs of
// github.com/google/go-containerregistry/pkg/v1/layout, and takes and gives the same
// images, indexes and matchers. To come from there is to change the import path.
//
// What is stored and what is named is the same, and so is the order of index.json. This
// is different, on purpose:
//
// Content is checked. A blob that is written must have the digest and the size that were
// promised, or it gets no name; one that is read must have them too, or the Read that
// would say io.EOF fails instead, with ocilayout.ErrDigest. A layer that is there
// already is not opened.
//
// What is broken is mended. A blob that is not as long as it should be is written anew,
// the config, the manifest and what an index names as well as a layer. WriteBlob reads
// what it is given, whatever is there, since it is not told a size to know that by.
//
// Nothing is lost, and nothing is there by half. Any number of goroutines and processes
// may write one layout: each change of index.json is one step. A call that fails leaves
// at most whole blobs, under their right names. What was acknowledged is there when the
// power goes, which the disk may take some milliseconds for.
//
// Entries keep what they say. Those that a change does not touch keep their exact
// bytes, with members that this package does not know. An entry that v1.Descriptor has
// no words for, such as one with a digest of another algorithm, is not meant by any
// matcher.
//
// A layout is a whole one. WriteImage, WriteIndex, WriteBlob and WriteFile make one
// where there is none, with an index.json. What appends, replaces or removes fails where
// there is none before it writes anything. All that writes adds an oci-layout that is
// missing, and what only reads fails without it, or if it is of another version. An
// index.json is an image index and tells so: Write adds the media type if it is missing, and
// refuses another; it may have 64 MiB.
//
// GarbageCollect passes over what it does not know, in place of failing: media types,
// and files whose name is no digest. It does not list what a running writer has put and
// not yet named, nor documents whose subject stays. As there, it removes nothing.
//
// WriteFile writes beside blobs alone. It checks oci-layout and index.json. Files are
// not executable, and perm can only take permissions away.
//
// Symbolic links are not followed inside of a layout. What Blob gives is no *os.File,
// and cannot be seeked. A WriteBlob without a digest, and an index that names a blob and
// has none, are errors, and no panic.
package layout
