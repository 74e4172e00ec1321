package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"context"
	"time"
)

// Unreferenced lists the blobs that nothing points at from index.json on, sorted by
// digest. Nothing is removed. A blob that another writer has put and not yet named is in
// the list: see Collect.
func (l *Layout) Unreferenced(ctx context.Context, progress func(Progress)) (blobs []Descriptor, err error) {
	err = l.call(ctx, func(c *call) error {
		tell, telling := c.progress(progress)
		blobs, err = c.descriptorsOf(func(out **C.ocilayout_descriptors) C.ocilayout_status {
			return C.ocilayout_unreferenced(c.layout, tell, telling, out, &c.failure)
		})
		return err
	})
	return blobs, err
}

// CollectOptions say how garbage is collected; nil is the same as none: a day of grace.
type CollectOptions struct {
	// Grace is how long a blob stays that nothing points at, from when it was put. It
	// protects what tools without leases have put and not yet named. 0 is a day;
	// negative is none, for when no such tool is about.
	Grace time.Duration
	// DryRun removes nothing, and tells what would be removed.
	DryRun bool
	// Progress is told how far the call has come.
	Progress func(Progress)
}

// A Fate is what a collection did with a blob.
type Fate int32

const (
	// Removed: nothing pointed at it, and it was removed, or would have been.
	Removed Fate = C.OCILAYOUT_FATE_REMOVED
	// Referenced: it is pointed at from index.json.
	Referenced Fate = C.OCILAYOUT_FATE_REFERENCED
	// Referrer: it is a document whose subject stays, or belongs to one.
	Referrer Fate = C.OCILAYOUT_FATE_REFERRER
	// Leased: a writer that is still there has put it, or it belongs to what that has.
	Leased Fate = C.OCILAYOUT_FATE_LEASED
	// Young: it was put within the time of grace, or belongs to what was.
	Young Fate = C.OCILAYOUT_FATE_YOUNG
	// Foreign: its digest is neither sha256 nor sha512.
	Foreign Fate = C.OCILAYOUT_FATE_FOREIGN
)

// Collected is a blob, and what a collection did with it.
type Collected struct {
	Digest Digest
	Size   int64
	Fate   Fate
}

// Collect collects garbage: it removes the blobs that nothing points at, and tells of
// every blob what became of it, sorted by digest.
//
// Others may write meanwhile. What a writer has put through a layout or a transaction
// stays until that is closed, named or not. What is pointed at from index.json stays,
// with its subjects, and with the documents whose subject it is.
//
// It fails with ErrFormat or ErrDigest when a document on the way cannot be trusted, and
// nothing is removed; ErrState on a transaction; ErrBusy as Layout.SetLockTimeout says.
// A call that failed or was cancelled half-way has removed garbage only.
func (l *Layout) Collect(ctx context.Context, options *CollectOptions) (told []Collected, err error) {
	if options == nil {
		options = new(CollectOptions)
	}
	grace := max(options.Grace, 0)
	if options.Grace == 0 {
		grace = 24 * time.Hour
	}
	// What is told in whole seconds protects for no less.
	seconds := C.uint64_t((grace + time.Second - 1) / time.Second)
	var flags C.uint64_t
	if options.DryRun {
		flags |= C.OCILAYOUT_COLLECT_DRY_RUN
	}
	err = l.call(ctx, func(c *call) error {
		var out *C.ocilayout_collection
		defer func() { C.ocilayout_collection_free(out) }()
		tell, telling := c.progress(options.Progress)
		if err := c.do(func() C.ocilayout_status {
			return C.ocilayout_collect(c.layout, flags, seconds, tell, telling, &out, &c.failure)
		}); err != nil {
			return err
		}
		told = make([]Collected, C.ocilayout_collection_count(out))
		for i := range told {
			blob := C.ocilayout_collection_at(out, C.size_t(i))
			told[i] = Collected{
				Digest: Digest(C.GoString(C.ocilayout_collected_digest(blob))),
				Size:   int64(C.ocilayout_collected_size(blob)),
				Fate:   Fate(C.ocilayout_collected_fate(blob)),
			}
		}
		return nil
	})
	return told, err
}
