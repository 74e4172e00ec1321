package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import "context"

// AppendOptions say what an added entry is allowed to be; nil is the same as none: a
// new entry whose blob is there.
type AppendOptions struct {
	// MissingAllowed: the blob may be missing, as in a sparse layout.
	MissingAllowed bool
	// Duplicate adds the entry even if one that says the same is there.
	Duplicate bool
}

func (o *AppendOptions) flags() (flags C.uint64_t) {
	if o != nil && o.MissingAllowed {
		flags |= C.OCILAYOUT_APPEND_MISSING_ALLOWED
	}
	if o != nil && o.Duplicate {
		flags |= C.OCILAYOUT_APPEND_DUPLICATE
	}
	return flags
}

// Append adds an entry to the end of index.json: descriptor, named by reference, or as
// it is if reference is empty.
//
// The edit is one step, done while no other writer does one; it may wait for that. If
// an entry that says the same is there, none is added, unless Duplicate asks for it.
// Entries that are not touched keep their exact bytes.
//
// It fails with ErrNotFound when the blob is not there with the size of the descriptor,
// ErrDigest when content that the descriptor embeds is not that of the blob, ErrFormat
// when index.json is not an image index, ErrBusy as Layout.SetLockTimeout says, and
// ErrNotDurable when the change was made and may not survive a power cut.
func (l *Layout) Append(ctx context.Context, descriptor Descriptor, reference string, options *AppendOptions) error {
	return l.call(ctx, func(c *call) error {
		entry, name := c.descriptor(descriptor), c.optional("reference", reference)
		return c.do(func() C.ocilayout_status {
			return C.ocilayout_append(c.layout, entry, name, options.flags(), &c.failure)
		})
	})
}

// Replace puts one entry in the place of all that are meant: where the first of them
// stood, or at the end if there was none. It says how many there were. Otherwise as
// Append.
func (l *Layout) Replace(ctx context.Context, meant Matcher, descriptor Descriptor, reference string, options *AppendOptions) (replaced int, err error) {
	if meant == nil {
		return 0, nothingMeant()
	}
	err = l.call(ctx, func(c *call) error {
		entry, name := c.descriptor(descriptor), c.optional("reference", reference)
		match, filter, userdata := c.matcher(meant)
		var count C.size_t
		err := c.do(func() C.ocilayout_status {
			return C.ocilayout_replace(c.layout, match, filter, userdata, entry, name, options.flags(), &count, &c.failure)
		})
		replaced = int(count)
		return err
	})
	return replaced, err
}

// Remove takes all entries away that are meant, and no blob. It says how many. That all
// entries are meant has to be said, by AllOf().
func (l *Layout) Remove(ctx context.Context, meant Matcher) (removed int, err error) {
	if meant == nil {
		return 0, nothingMeant()
	}
	err = l.call(ctx, func(c *call) error {
		match, filter, userdata := c.matcher(meant)
		var count C.size_t
		err := c.do(func() C.ocilayout_status {
			return C.ocilayout_remove(c.layout, match, filter, userdata, &count, &c.failure)
		})
		removed = int(count)
		return err
	})
	return removed, err
}

func nothingMeant() error {
	return invalid("meant", "expected a matcher, found nil; AllOf() means all entries")
}
