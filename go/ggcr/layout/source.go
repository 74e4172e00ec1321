package layout

import "io"

// A source is a reader that is opened when it is read, which it is not if the blob is
// there already. It is closed at its end, before the blob gets its name: a stream may
// find only then that it has failed, and says only then what it was.
type source struct {
	open   func() (io.ReadCloser, error)
	reader io.ReadCloser
	closed bool
}

func (s *source) Read(buf []byte) (int, error) {
	if s.reader == nil {
		reader, err := s.open()
		if err != nil {
			return 0, err
		}
		s.reader = reader
	}
	n, err := s.reader.Read(buf)
	if err == io.EOF {
		if failed := s.Close(); failed != nil {
			err = failed
		}
	}
	return n, err
}

func (s *source) Close() error {
	if s.reader == nil || s.closed {
		return nil
	}
	s.closed = true
	return s.reader.Close()
}
