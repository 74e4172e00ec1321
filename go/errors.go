package ocilayout

/*
#include <ocilayout.h>
*/
import "C"

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// A Status says why a call failed. It is an error, to be asked for by
// errors.Is(err, ocilayout.ErrNotFound), or by errors.As.
//
// Those that the standard library has a word for answer to that as well:
// ErrNotFound to fs.ErrNotExist, ErrExists to fs.ErrExist, ErrInvalidArgument to
// fs.ErrInvalid, and ErrUnsupported to errors.ErrUnsupported.
type Status int32

const (
	// ErrInvalidArgument: an argument is malformed.
	ErrInvalidArgument Status = C.OCILAYOUT_ERR_INVALID_ARGUMENT
	// ErrState: the object cannot do this now. It is finished, read-only, in use, or
	// closed; if closed, the error is fs.ErrClosed as well.
	ErrState Status = C.OCILAYOUT_ERR_STATE
	// ErrIO: the operating system refused; the error is a syscall.Errno as well.
	ErrIO Status = C.OCILAYOUT_ERR_IO
	// ErrNotFound: what was asked for is not there.
	ErrNotFound Status = C.OCILAYOUT_ERR_NOT_FOUND
	// ErrExists: what was to be created is there already.
	ErrExists Status = C.OCILAYOUT_ERR_EXISTS
	// ErrBusy: another writer holds the lock of the layout; see Layout.SetLockTimeout.
	ErrBusy Status = C.OCILAYOUT_ERR_BUSY
	// ErrConflict: index.json, or a directory that was to become a layer, was changed
	// meanwhile, where it should not have been.
	ErrConflict Status = C.OCILAYOUT_ERR_CONFLICT
	// ErrFormat: not an image layout, or a document in it is malformed.
	ErrFormat Status = C.OCILAYOUT_ERR_FORMAT
	// ErrDigest: content has another digest or another size than was expected.
	ErrDigest Status = C.OCILAYOUT_ERR_DIGEST
	// ErrCallback: a reader or a function of the caller failed; the error is what that
	// told as well.
	ErrCallback Status = C.OCILAYOUT_ERR_CALLBACK
	// ErrCancelled: the context was done; the error is the context's as well, and so
	// is its cause.
	ErrCancelled Status = C.OCILAYOUT_ERR_CANCELLED
	// ErrLimit: more data than a limit allows.
	ErrLimit Status = C.OCILAYOUT_ERR_LIMIT
	// ErrUnsupported: legal, but not something that the library does.
	ErrUnsupported Status = C.OCILAYOUT_ERR_UNSUPPORTED
	// ErrNotDurable: the change was made, and every reader sees it, but it may be lost
	// when the power goes.
	ErrNotDurable Status = C.OCILAYOUT_ERR_NOT_DURABLE
	// ErrMemory: there is too little memory for what the call was given or has read.
	ErrMemory Status = C.OCILAYOUT_ERR_MEMORY
	// ErrInternal: a bug in the library. The object that was changed can then only be
	// closed.
	ErrInternal Status = C.OCILAYOUT_ERR_INTERNAL
)

// Error is the name of the status in words.
func (s Status) Error() string {
	name := C.GoString(C.ocilayout_status_name(C.ocilayout_status(s)))
	name = strings.TrimPrefix(name, "OCILAYOUT_ERR_")
	return "ocilayout: " + strings.ReplaceAll(strings.ToLower(name), "_", " ")
}

// Is has a status answer to the errors of the standard library that mean the same.
func (s Status) Is(target error) bool {
	switch s {
	case ErrNotFound:
		return target == fs.ErrNotExist
	case ErrExists:
		return target == fs.ErrExist
	case ErrInvalidArgument:
		return target == fs.ErrInvalid
	case ErrUnsupported:
		return target == errors.ErrUnsupported
	}
	return false
}

// An Error is what every call of this package fails with.
type Error struct {
	// Status is what kind of failure it is.
	Status Status
	// Message is one line for a person: the path or the parameter, what was expected
	// and what was found.
	Message string
	// Errno is the number of the system call that failed, or 0.
	Errno syscall.Errno
	// Cause is what the caller's own reader, function or context told, or nil.
	Cause error
}

func (e *Error) Error() string {
	return "ocilayout: " + e.Message
}

// Unwrap gives all that the error is: its status, and where there are any, the errno
// and the cause.
func (e *Error) Unwrap() []error {
	errs := []error{e.Status}
	if e.Errno != 0 {
		errs = append(errs, e.Errno)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

func invalid(parameter, problem string) error {
	return &Error{Status: ErrInvalidArgument, Message: parameter + ": " + problem}
}

func closed(what string) error {
	return &Error{
		Status:  ErrState,
		Message: what + ": expected it open, found it closed",
		Cause:   fs.ErrClosed,
	}
}

func cancelled(ctx context.Context) error {
	cause := context.Cause(ctx)
	if err := ctx.Err(); !errors.Is(cause, err) {
		cause = errors.Join(err, cause)
	}
	return &Error{Status: ErrCancelled, Message: "the call was stopped: " + context.Cause(ctx).Error(), Cause: cause}
}

// taken makes an error of one of the library's, and frees that.
func taken(failure *C.ocilayout_error) *Error {
	defer C.ocilayout_error_free(failure)
	return &Error{
		Status:  Status(C.ocilayout_error_status(failure)),
		Message: C.GoString(C.ocilayout_error_message(failure)),
		Errno:   syscall.Errno(C.ocilayout_error_errno(failure)),
	}
}
