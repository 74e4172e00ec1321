package ocilayout

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// FS is the layout as a file system: oci-layout, index.json, and blobs, of which it lists
// those that index.json names, down the whole tree, and that are there. So to copy it is
// to copy what is named, without garbage and without what writers have under way:
//
//	os.CopyFS("copy", layout.FS())
//
// Each blob is checked while it is read: the read that would say its end fails with
// ErrDigest when it is not what its name says. index.json and the list of the blobs are
// those of the first time that one of them is asked for, so that they fit each other.
func (l *Layout) FS() fs.FS {
	return &files{layout: l}
}

type files struct {
	layout *Layout
	once   sync.Once
	index  []byte
	err    error
	// blobs are the descriptors of those that are there, by their paths.
	blobs map[string]Descriptor
	// folders are what is in each folder, sorted.
	folders map[string][]fs.DirEntry
}

const (
	indexFile = "index.json"
	marker    = "oci-layout"
)

// read reads the index and all that it names.
func (f *files) read() error {
	f.once.Do(func() { f.err = f.readOnce() })
	return f.err
}

func (f *files) readOnce() error {
	for {
		before, err := f.layout.ReadFile(indexFile)
		if err != nil {
			return err
		}
		blobs, err := f.named()
		after, unread := f.layout.ReadFile(indexFile)
		if unread != nil {
			return unread
		}
		if string(before) == string(after) {
			f.index, f.blobs = before, blobs
			f.fold()
			return err
		}
	}
}

// named are the blobs that are named and there.
func (f *files) named() (map[string]Descriptor, error) {
	blobs := make(map[string]Descriptor)
	next, err := f.layout.List(nil)
	for err == nil && len(next) > 0 {
		blob := next[0]
		next = next[1:]
		name := path.Join("blobs", blob.Digest.Algorithm(), blob.Digest.Encoded())
		if _, seen := blobs[name]; seen {
			continue
		}
		_, err = f.layout.BlobSize(blob.Digest)
		if errors.Is(err, ErrNotFound) {
			err = nil
			continue
		}
		var children []Descriptor
		if err == nil {
			children, err = f.layout.Children(blob)
		}
		if errors.Is(err, ErrUnsupported) {
			// Nobody can tell whether it is what its name says.
			err = nil
		}
		blobs[name] = blob
		next = append(next, children...)
	}
	return blobs, err
}

// fold says what is in each folder.
func (f *files) fold() {
	f.folders = map[string][]fs.DirEntry{
		".":     {entryOf("blobs", -1), entryOf(indexFile, int64(len(f.index)))},
		"blobs": nil,
	}
	for name, blob := range f.blobs {
		folder := path.Dir(name)
		if _, seen := f.folders[folder]; !seen {
			f.folders["blobs"] = append(f.folders["blobs"], entryOf(path.Base(folder), -1))
		}
		f.folders[folder] = append(f.folders[folder], entryOf(path.Base(name), blob.Size))
	}
	if content, err := f.layout.ReadFile(marker); err == nil {
		f.folders["."] = append(f.folders["."], entryOf(marker, int64(len(content))))
	}
	for _, entries := range f.folders {
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
}

func entryOf(name string, size int64) fs.DirEntry {
	return fs.FileInfoToDirEntry(info{name, size})
}

// Open opens a file, or a folder to list it.
func (f *files) Open(name string) (fs.File, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return file, nil
}

func (f *files) open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	if err := f.read(); err != nil {
		return nil, err
	}
	if entries, ok := f.folders[name]; ok {
		return &folder{info{path.Base(name), -1}, entries}, nil
	}
	if blob, ok := f.blobs[name]; ok {
		reader, err := f.layout.OpenBlob(blob)
		if err != nil {
			return nil, err
		}
		return &file{reader, info{path.Base(name), blob.Size}}, nil
	}
	switch name {
	case indexFile:
		return memory(name, f.index), nil
	case marker:
		content, err := f.layout.ReadFile(marker)
		return memory(name, content), err
	}
	return nil, fs.ErrNotExist
}

func memory(name string, content []byte) fs.File {
	reader := strings.NewReader(string(content))
	return &file{io.NopCloser(reader), info{name, reader.Size()}}
}

// file is one that is open.
type file struct {
	io.ReadCloser
	info info
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

// folder is one that is open, with what is left to list.
type folder struct {
	info    info
	entries []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: errors.New("is a directory")}
}

func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	entries := f.entries[:n:n]
	f.entries = f.entries[n:]
	return entries, nil
}

// info is what is told of a file, or with a negative size of a folder.
type info struct {
	name string
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return max(i.size, 0) }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.size < 0 }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
