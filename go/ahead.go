package ocilayout

import (
	"context"
	"errors"
	"io"
	"sync"
)

// ahead reads a reader on a goroutine of its own, some pieces ahead, so that who waits
// for them can leave when the context is done. That goroutine then ends when the reader
// returns; in all other cases it has ended when stop returns.
type ahead struct {
	ctx    context.Context
	reader io.Reader

	start  sync.Once
	full   chan *piece
	free   chan *piece
	closed chan struct{}
	ended  chan struct{}

	current *piece
}

// piece is what one or more reads gave.
type piece struct {
	room   [128 << 10]byte
	unread []byte
	err    error
	// returned is false if the reader panicked, or ended its goroutine.
	returned bool
	panicked any
}

var pieces = sync.Pool{New: func() any { return new(piece) }}

const piecesAhead = 2

func readAhead(ctx context.Context, reader io.Reader) *ahead {
	return &ahead{
		ctx:    ctx,
		reader: reader,
		full:   make(chan *piece, piecesAhead),
		free:   make(chan *piece, piecesAhead),
		closed: make(chan struct{}),
		ended:  make(chan struct{}),
	}
}

// errExited stands for a reader that ended its goroutine.
var errExited = errors.New("the reader ended its goroutine")

func (a *ahead) Read(buf []byte) (int, error) {
	a.start.Do(func() {
		for range piecesAhead {
			a.free <- pieces.Get().(*piece)
		}
		go a.run()
	})
	if a.current == nil {
		select {
		case a.current = <-a.full:
		case <-a.ctx.Done():
			return 0, a.ctx.Err()
		}
	}
	piece := a.current
	n := copy(buf, piece.unread)
	if piece.unread = piece.unread[n:]; len(piece.unread) > 0 {
		return n, nil
	}
	if !piece.returned {
		if piece.panicked != nil {
			panic(piece.panicked)
		}
		return n, errExited
	}
	if piece.err != nil {
		return n, piece.err
	}
	a.current = nil
	a.free <- piece
	return n, nil
}

func (a *ahead) run() {
	defer close(a.ended)
	for {
		select {
		case <-a.closed:
			return
		case piece := <-a.free:
			if !a.fill(piece) {
				return
			}
		}
	}
}

// fill fills a piece and hands it on, also if the reader panics or ends the goroutine.
// Says whether there may be more.
func (a *ahead) fill(piece *piece) bool {
	piece.unread, piece.err, piece.returned = nil, nil, false
	defer func() {
		if !piece.returned {
			piece.panicked = recover()
		}
		a.full <- piece
	}()
	n, err := fill(a.reader, piece.room[:])
	piece.unread, piece.err, piece.returned = piece.room[:n], err, true
	return err == nil
}

// stop has the reader be read no more.
func (a *ahead) stop() {
	close(a.closed)
	a.start.Do(func() { close(a.ended) })
	select {
	case <-a.ended:
	case <-a.ctx.Done():
		return
	}
	if a.current != nil {
		pieces.Put(a.current)
	}
	for range len(a.free) {
		pieces.Put(<-a.free)
	}
	for range len(a.full) {
		pieces.Put(<-a.full)
	}
}
