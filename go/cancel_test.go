package ocilayout_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	ocilayout "github.com/ocilayout/ocilayout/go"
)

// So soon a call returns whose context is done.
const prompt = 3 * time.Second

// stops makes a call that takes for ever, and checks that its context ends it, in
// each way that a context can.
func stops(t *testing.T, name string, call func(context.Context) error) {
	t.Helper()
	own := errors.New("my own cause")
	for way, made := range map[string]struct {
		context func() (context.Context, func())
		errs    []error
	}{
		"cancelled": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancel(background)
			return ctx, cancel
		}, []error{context.Canceled, ocilayout.ErrCancelled}},
		"with a cause": {func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(background)
			return ctx, func() { cancel(own) }
		}, []error{own, context.Canceled, ocilayout.ErrCancelled}},
		"out of time": {func() (context.Context, func()) {
			ctx, cancel := context.WithTimeout(background, 60*time.Millisecond)
			return ctx, func() { <-ctx.Done(); cancel() }
		}, []error{context.DeadlineExceeded, ocilayout.ErrCancelled}},
	} {
		t.Run(name+" "+way, func(t *testing.T) {
			t.Parallel()
			ctx, stop := made.context()
			done := make(chan error, 1)
			go func() { done <- call(ctx) }()
			select {
			case err := <-done:
				stop()
				if ctx.Err() == nil {
					t.Fatalf("it did not take for ever: %v", err)
				}
				asks(t, err, made.errs...)
				return
			case <-time.After(50 * time.Millisecond):
			}
			begun := time.Now()
			stop()
			select {
			case err := <-done:
				asks(t, err, made.errs...)
				if errors.Is(err, own) && !bytes.Contains([]byte(err.Error()), []byte(own.Error())) {
					t.Errorf("it does not tell why: %v", err)
				}
			case <-time.After(prompt):
				t.Fatalf("it goes on after %v", time.Since(begun))
			}
		})
	}
}

// blocked is a reader that gives something and then blocks until the test ends.
func blocked(t *testing.T) io.Reader {
	read, write := io.Pipe()
	go write.Write(make([]byte, 300_000))
	t.Cleanup(func() { write.Close(); read.Close() })
	return read
}

func TestCancelledInAReader(t *testing.T) {
	path, layout := newLayout(t)
	stops(t, "put", func(ctx context.Context) error {
		_, err := layout.Put(ctx, blocked(t), nil)
		return err
	})
	stops(t, "put compressed", func(ctx context.Context) error {
		_, err := layout.Put(ctx, blocked(t), &ocilayout.BlobOptions{Compression: ocilayout.Zstd})
		return err
	})
	stops(t, "pipe", func(ctx context.Context) error {
		read, write, err := os.Pipe()
		check(t, err)
		t.Cleanup(func() { write.Close(); read.Close() })
		_, err = layout.Put(ctx, read, nil)
		return err
	})
	stops(t, "endless", func(ctx context.Context) error {
		_, err := layout.Put(ctx, endless, nil)
		return err
	})
	stops(t, "put all", func(ctx context.Context) error {
		_, err := layout.PutAll(ctx, []ocilayout.Source{
			ocilayout.FromReader(blocked(t), nil), ocilayout.FromReader(blocked(t), nil),
			ocilayout.FromBytes([]byte("x"), nil),
		}, nil)
		return err
	})
	stops(t, "writer", func(ctx context.Context) error {
		writer, err := layout.NewWriter(ctx, nil)
		if err != nil {
			return err
		}
		defer writer.Close()
		_, err = io.Copy(writer, endless)
		return err
	})
	root := ocilayout.Descriptor{MediaType: octets, Digest: digestOf([]byte("x")), Size: 1 << 20}
	stops(t, "write", func(ctx context.Context) error {
		return layout.Write(ctx, root, func(context.Context, ocilayout.Descriptor) (io.ReadCloser, error) {
			return io.NopCloser(blocked(t)), nil
		}, nil)
	})
	stops(t, "create", func(ctx context.Context) error {
		index := must[[]byte](t)(ocilayout.Descriptor{}.MarshalJSON())
		index = []byte(`{"schemaVersion":2,"manifests":[` + string(must[[]byte](t)(root.MarshalJSON())) + `]}`)
		_, err := ocilayout.Create(ctx, filepath.Join(t.TempDir(), "created"), index, func(context.Context, ocilayout.Descriptor) (io.ReadCloser, error) {
			return io.NopCloser(blocked(t)), nil
		}, nil)
		return err
	})
	t.Cleanup(func() {
		check(t, layout.Close())
		equal(t, len(hidden(t, path)), 0)
	})
}

func TestCancelledWhileTheLibraryWorks(t *testing.T) {
	path, layout := newLayout(t)
	must[ocilayout.Descriptor](t)(layout.PutBytes(background, []byte("x"), nil))
	blob := sparse(t, path)
	file := blobPath(path, blob.Digest)
	stops(t, "verify", func(ctx context.Context) error {
		_, err := layout.Verify(ctx, nil)
		return err
	})
	stops(t, "file", func(ctx context.Context) error {
		_, err := layout.PutFile(ctx, file, &ocilayout.BlobOptions{Compression: ocilayout.Gzip})
		return err
	})
	stops(t, "os.File", func(ctx context.Context) error {
		file := must[*os.File](t)(os.Open(file))
		defer file.Close()
		_, err := layout.Put(ctx, file, &ocilayout.BlobOptions{Compression: ocilayout.Zstd})
		return err
	})
	stops(t, "rehash", func(ctx context.Context) error {
		_, err := layout.PutBytes(ctx, nil, &ocilayout.BlobOptions{
			Expected: &ocilayout.Expected{Digest: blob.Digest, Size: blob.Size}, Rehash: true,
		})
		return err
	})
	_, other := newLayout(t)
	stops(t, "write from", func(ctx context.Context) error {
		return other.WriteFrom(ctx, blob, layout, nil)
	})
	lower, upper := t.TempDir(), t.TempDir()
	for _, folder := range []string{lower, upper} {
		name := filepath.Join(folder, "file")
		check(t, os.WriteFile(name, nil, 0o644))
		check(t, os.Truncate(name, huge))
		check(t, os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0)))
	}
	stops(t, "directory", func(ctx context.Context) error {
		_, err := layout.PutDirectory(ctx, upper, nil, nil)
		return err
	})
	stops(t, "difference", func(ctx context.Context) error {
		_, err := layout.PutDifference(ctx, lower, upper, nil, nil)
		return err
	})
}

func TestCancelledWhileItWaitsForTheLock(t *testing.T) {
	path, layout := newLayout(t)
	entry := image(t, layout, "x")
	transaction := must[*ocilayout.Transaction](t)(layout.Begin())
	check(t, transaction.Append(background, entry, "x", nil))
	letGo := hold(t, path)
	stops(t, "append", func(ctx context.Context) error { return layout.Append(ctx, entry, "x", nil) })
	stops(t, "replace", func(ctx context.Context) error {
		_, err := layout.Replace(ctx, ocilayout.MatchReference("x"), entry, "x", nil)
		return err
	})
	stops(t, "remove", func(ctx context.Context) error {
		_, err := layout.Remove(ctx, ocilayout.AllOf())
		return err
	})
	stops(t, "write file", func(ctx context.Context) error { return layout.WriteFile(ctx, "notes", nil) })
	stops(t, "commit", transaction.Commit)
	stops(t, "collect", func(ctx context.Context) error {
		_, err := layout.Collect(ctx, &ocilayout.CollectOptions{Grace: -1})
		return err
	})
	t.Cleanup(func() {
		letGo()
		equal(t, names(t, path), "")
		check(t, transaction.Commit(background))
		equal(t, names(t, path), "x")
		check(t, transaction.Close())
	})
}

func TestCancelledWhileItWaitsForACollection(t *testing.T) {
	path, layout := newLayout(t)
	must[ocilayout.Descriptor](t)(layout.PutBytes(background, []byte("x"), nil))
	t.Cleanup(hold(t, filepath.Join(path, "blobs")))
	stops(t, "put", func(ctx context.Context) error {
		_, err := layout.PutBytes(ctx, []byte("y"), nil)
		return err
	})
	stops(t, "writer", func(ctx context.Context) error {
		writer, err := layout.NewWriter(ctx, nil)
		if err != nil {
			return err
		}
		_, err = writer.Commit()
		return err
	})
}

func TestCancelledBefore(t *testing.T) {
	path, layout := newLayout(t)
	entry := image(t, layout, "x")
	ctx, cancel := context.WithCancel(background)
	cancel()
	never := readerFunc(func([]byte) (int, error) { panic("it is read") })
	_, err := layout.Put(ctx, never, nil)
	asks(t, err, context.Canceled)
	asks(t, layout.Append(ctx, entry, "x", nil), context.Canceled)
	_, err = layout.NewWriter(ctx, nil)
	asks(t, err, context.Canceled)
	_, err = layout.Verify(ctx, nil)
	asks(t, err, context.Canceled)
	equal(t, names(t, path), "")
}

// A writer obeys its context also between its calls.
func TestCancelledBetween(t *testing.T) {
	_, layout := newLayout(t)
	ctx, cancel := context.WithCancel(background)
	writer := must[*ocilayout.Writer](t)(layout.NewWriter(ctx, nil))
	must[int](t)(writer.Write([]byte("x")))
	cancel()
	_, err := writer.Write([]byte("x"))
	asks(t, err, context.Canceled)
	_, err = writer.Commit()
	asks(t, err, context.Canceled)
	check(t, writer.Close())
}

// What a context did not stop is not told as stopped.
func TestCancelledTooLate(t *testing.T) {
	_, layout := newLayout(t)
	for i := range 200 {
		ctx, cancel := context.WithTimeout(background, time.Duration(i*20)*time.Microsecond)
		content := noise(uint64(i), 1000)
		_, err := layout.Put(ctx, only(bytes.NewReader(content)), nil)
		if err == nil {
			must[int64](t)(layout.BlobSize(digestOf(content)))
		} else {
			asks(t, err, context.DeadlineExceeded)
		}
		cancel()
	}
}
