package layout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// Path is an image layout, named by the path of its directory.
type Path string

// FromPath is the layout in the directory path. It fails when there is none.
func FromPath(path string) (Path, error) {
	l := Path(path)
	if err := l.reading(func(*ocilayout.Layout) error { return nil }); err != nil {
		return "", err
	}
	return l, nil
}

func (l Path) join(names ...string) string {
	return filepath.Join(append([]string{string(l)}, names...)...)
}

// A layout is opened for each call: a Path has no end at which to close it, and
// opening takes no longer than to look at two files.

// reading does what only reads the layout.
func (l Path) reading(do func(*ocilayout.Layout) error) error {
	if err := l.lookForIndex(); err != nil {
		return err
	}
	return l.with(&ocilayout.OpenOptions{ReadOnly: true}, do)
}

// editing does what changes a layout that must be there.
func (l Path) editing(do func(store) error) error {
	if err := l.lookForIndex(); err != nil {
		return err
	}
	return l.storing(do)
}

// storing does what writes into the layout, which is made if it is not there.
func (l Path) storing(do func(store) error) error {
	return l.with(&ocilayout.OpenOptions{Create: true}, func(layout *ocilayout.Layout) error {
		return do(store{layout})
	})
}

func (l Path) with(options *ocilayout.OpenOptions, do func(*ocilayout.Layout) error) error {
	// No path means the current directory, as for the reference.
	layout, err := ocilayout.Open(filepath.Clean(string(l)), options)
	if err != nil {
		return err
	}
	defer layout.Close()
	return do(layout)
}

// lookForIndex fails as os.IsNotExist knows it where there is no layout.
func (l Path) lookForIndex() error {
	_, err := os.Stat(l.join("index.json"))
	return err
}

// asFile has the error for a file that is not there be one that os.IsNotExist knows.
func (l Path) asFile(err error, names ...string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "open", Path: l.join(names...), Err: syscall.ENOENT}
	}
	return err
}
