package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import "context"

// A Transaction is a layout whose edits nobody else sees until they are committed, all
// at once. It is used as the layout that it was begun on: what lists or resolves sees
// what it has edited so far, and blobs that are put through it wait for the commit,
// which brings all of them to the disk at once.
//
// Close it in any case; if it was not committed, its edits are gone, and so are the
// blobs that wait.
type Transaction struct {
	*Layout
}

// Begin begins a transaction on index.json as it is now. It fails with ErrState when
// the layout is a transaction itself.
func (l *Layout) Begin() (transaction *Transaction, err error) {
	err = l.look(func(c *call) error {
		var out *C.ocilayout
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_begin(c.layout, &out, &c.failure)
		}); err != nil {
			return err
		}
		transaction = &Transaction{newLayout(out)}
		return nil
	})
	return transaction, err
}

// Commit makes the edits visible, all at once, and ends the transaction, which can then
// only be closed.
//
// The edits are made again on index.json as it is now, so that nobody's edit is lost:
// what others have added stays, and what matches by now is what is meant. Entries that
// a MatchFunc was not asked about are not meant.
//
// After an error index.json is what it was, and the commit can be tried again; unless
// it is ErrNotDurable, which comes after the change. It fails with ErrNotFound when a
// blob that it names has gone, ErrState when it was committed before or cannot be.
func (t *Transaction) Commit(ctx context.Context) error {
	return t.call(ctx, func(c *call) error {
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_commit(c.layout, &c.failure)
		})
	})
}

// CommitIf is Commit, but only if index.json still has this digest, as DescribeIndex
// has told it; else it fails with ErrConflict.
func (t *Transaction) CommitIf(ctx context.Context, digest Digest) error {
	return t.call(ctx, func(c *call) error {
		text := c.text("digest", string(digest))
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_commit_if(c.layout, text, &c.failure)
		})
	})
}

// DescribeIndex says what index.json is, as it is stored now: its digest changes with
// every change of it. Edits of a transaction are not in it.
func (l *Layout) DescribeIndex() (descriptor Descriptor, err error) {
	err = l.look(func(c *call) error {
		descriptor, err = c.descriptorOf(func(out **C.ocilayout_descriptor) C.ocilayout_status {
			return C.ocilayout_describe_index(c.layout, out, &c.failure)
		})
		return err
	})
	return descriptor, err
}
