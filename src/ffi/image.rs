//! Images that are built.

use super::argument;
use super::descriptor::{self, ocilayout_descriptor};
use super::error::{ocilayout_error, ocilayout_status};
use super::guard::{create, guard};
use super::handle::{Guarded, free};
use super::layout::{self, ocilayout};
use crate::layout::ImageBuilder;
use crate::words::digest::Digest;
use crate::words::error::Result;
use std::ffi::c_char;

/// An image that is being built: a config, layers, and the manifest over them.
/// image-spec, config.md and manifest.md.
///
/// The same calls make the same bytes: nothing is taken from the clock or from
/// the machine.
pub struct ocilayout_image(Guarded<ImageBuilder>);

/// Changes the image.
///
/// # Safety
/// `image` is NULL or a live object; `err` is NULL or valid for one write.
unsafe fn change(
    image: *mut ocilayout_image,
    err: *mut *mut ocilayout_error,
    change: impl FnOnce(&mut ImageBuilder) -> Result<&mut ImageBuilder>,
) -> ocilayout_status {
    let body = || {
        // SAFETY: by the contract of this function.
        let image = unsafe { argument::object(image, "image") }?;
        change(&mut *image.0.write("image")?).map(drop)
    };
    // SAFETY: by the contract of this function.
    unsafe { guard(err, body) }
}

/// Begins an image without layers.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_new(
    layout: *const ocilayout,
    out: *mut *mut ocilayout_image,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            Ok(ocilayout_image(Guarded::new(ImageBuilder::new(&layout))))
        })
    }
}

/// Begins with the config, the layers and the annotations of an image that is
/// there, to make another one of it. Members of its documents that the library
/// does not know are kept, and so are its artifact type and its subject.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when manifest points at something
/// else (see ocilayout_resolve()), OCILAYOUT_ERR_FORMAT when a document is
/// malformed or its diff IDs or its history do not fit its layers, and as
/// ocilayout_blob_read() does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_load(
    layout: *const ocilayout,
    manifest: *const ocilayout_descriptor,
    out: *mut *mut ocilayout_image,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let layout = layout::taken(layout, "layout")?;
            let manifest = descriptor::taken(manifest, "manifest")?;
            let image = ImageBuilder::from_image(&layout, &manifest);
            Ok(ocilayout_image(Guarded::new(argument::named("manifest", image)?)))
        })
    }
}

/// Takes a whole config, len bytes of JSON, in the place of all that was set
/// before. Its rootfs and its history are not taken: those are of the layers.
///
/// Fails with OCILAYOUT_ERR_FORMAT when it is not an image config.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_config_json(
    image: *mut ocilayout_image,
    json: *const c_char,
    len: usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            image.config_json(argument::array(json.cast::<u8>(), len, "json")?)
        })
    }
}

/// Says what the image runs on: os/architecture[/variant][:os.version], or the
/// JSON object of the image-spec. Every image needs a platform.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_platform(
    image: *mut ocilayout_image,
    platform: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(image, err, |image| image.platform(&argument::parsed(platform, "platform")?)) }
}

/// Says when the image was made, by RFC 3339, such as 2026-01-31T12:00:00Z. It
/// is written into the history of what is added from now on. Without it the
/// image tells no time.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is malformed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_created(
    image: *mut ocilayout_image,
    created: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(image, err, |image| image.created(argument::text(created, "created")?)) }
}

/// Says which program a container runs, with its first arguments: count texts.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_entrypoint(
    image: *mut ocilayout_image,
    arguments: *const *const c_char,
    count: usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            image.entrypoint(&argument::texts(arguments, count, "arguments")?)
        })
    }
}

/// Says which arguments follow the entrypoint if the user gives none: count
/// texts.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_command(
    image: *mut ocilayout_image,
    arguments: *const *const c_char,
    count: usize,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| image.command(&argument::texts(arguments, count, "arguments")?))
    }
}

/// Sets a variable of the environment, in the place of one of that name.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the name is empty or has an
/// equals sign in it.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_env(
    image: *mut ocilayout_image,
    name: *const c_char,
    value: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            let value = argument::text(value, "value")?;
            argument::named("name", image.env(argument::text(name, "name")?, value))
        })
    }
}

/// Says in which directory the entrypoint starts.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_working_dir(
    image: *mut ocilayout_image,
    path: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(image, err, |image| image.working_dir(argument::text(path, "path")?)) }
}

/// Says who the entrypoint runs as: user, uid, user:group or uid:gid.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_user(
    image: *mut ocilayout_image,
    user: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(image, err, |image| image.user(argument::text(user, "user")?)) }
}

/// Sets a label, in the place of one of that key.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_label(
    image: *mut ocilayout_image,
    key: *const c_char,
    value: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            let value = argument::text(value, "value")?;
            argument::named("key", image.label(argument::text(key, "key")?, value))
        })
    }
}

/// Says that a container listens on a port: port, port/tcp or port/udp.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when it is of another form.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_add_exposed_port(
    image: *mut ocilayout_image,
    port: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe { change(image, err, |image| image.exposed_port(argument::text(port, "port")?)) }
}

/// Sets an annotation of the manifest, or takes it away when value is NULL.
///
/// Fails with OCILAYOUT_ERR_INVALID_ARGUMENT when the key is empty.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_set_annotation(
    image: *mut ocilayout_image,
    key: *const c_char,
    value: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            let value = argument::optional_text(value, "value")?;
            argument::named("key", image.annotation(argument::text(key, "key")?, value))
        })
    }
}

/// Adds a layer on top, and its entry of the history. created_by says how it
/// was made, and may be NULL.
///
/// diff_id is the digest of the layer's uncompressed tar. NULL takes what the
/// descriptor knows, which it does if the layer was compressed here, or put
/// with the media type of a plain tar. Fails with OCILAYOUT_ERR_STATE when it
/// is neither given nor known, OCILAYOUT_ERR_NOT_FOUND when the layer is not
/// there.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_add_layer(
    image: *mut ocilayout_image,
    layer: *const ocilayout_descriptor,
    diff_id: *const c_char,
    created_by: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            let layer = descriptor::taken(layer, "layer")?;
            let diff_id = argument::optional::<Digest>(diff_id, "diff_id")?;
            let created_by = argument::optional_text(created_by, "created_by")?;
            image.layer(&layer, diff_id.as_ref(), created_by)
        })
    }
}

/// Adds an entry of the history for a step that made no layer. comment may be
/// NULL.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_add_history(
    image: *mut ocilayout_image,
    created_by: *const c_char,
    comment: *const c_char,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        change(image, err, |image| {
            let comment = argument::optional_text(comment, "comment")?;
            image.history(argument::text(created_by, "created_by")?, comment)
        })
    }
}

/// Stores the config and the manifest, and says what points at the image, with
/// its platform. index.json is not touched: see ocilayout_append() and
/// ocilayout_replace(). The image can be changed again, to make another one.
///
/// Fails with OCILAYOUT_ERR_STATE when the image has no platform,
/// OCILAYOUT_ERR_NOT_FOUND when a layer is not there, OCILAYOUT_ERR_IO when it
/// could not be written.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_finish(
    image: *const ocilayout_image,
    out: *mut *mut ocilayout_descriptor,
    err: *mut *mut ocilayout_error,
) -> ocilayout_status {
    // SAFETY: the pointers are NULL or as the header asks.
    unsafe {
        create(out, err, || {
            let image = argument::object(image, "image")?;
            Ok(ocilayout_descriptor::new(image.0.read("image")?.finish()?))
        })
    }
}

/// Frees the image. What it stored stays. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ocilayout_image_free(image: *mut ocilayout_image) {
    // SAFETY: NULL or handed out by this library, as the header asks.
    unsafe { free(image) };
}
