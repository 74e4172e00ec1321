//! Images that are built here: a config, layers, and the manifest over them.
//!
//! image-spec, manifest.md and config.md.

use super::Layout;
use super::tree::Missing;
use crate::layer::BlobOptions;
use crate::words::config::ImageConfig;
use crate::words::descriptor::{Annotations, Descriptor, edit_annotation};
use crate::words::digest::Digest;
use crate::words::document::Manifest;
use crate::words::error::{Error, Result};
use crate::words::json::{self, DOCUMENT_LIMIT, Object};
use crate::words::media_type::{Kind, MediaType};
use crate::words::memory;
use crate::words::platform::Platform;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An image that is being built.
///
/// The same calls make the same bytes: nothing is taken from the clock or from
/// the machine.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    layout: Layout,
    config: ImageConfig,
    layers: Vec<Descriptor>,
    annotations: Annotations,
    /// The members of the manifest that the image was loaded from.
    manifest: Object,
}

impl ImageBuilder {
    /// Begins an image without layers.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            config: ImageConfig::default(),
            layers: Vec::new(),
            annotations: Annotations::new(),
            manifest: Object::default(),
        }
    }

    /// Begins with the config and the layers of an image that is there, to make
    /// another one of it. Members that this library does not know are kept.
    ///
    /// # Errors
    /// Those of [`Layout::read_blob`] for the manifest and the config,
    /// [`Error::Invalid`] when `image` points at something else,
    /// [`Error::Format`] when a document is malformed, or its diff IDs or its
    /// history do not fit the layers.
    pub fn from_image(layout: &Layout, image: &Descriptor) -> Result<Self> {
        if image.media_type().kind() != Kind::Manifest {
            let found = image.media_type().as_str();
            return Err(Error::invalid("image", "the descriptor of an image manifest", found));
        }
        let json = layout.read_blob(image, DOCUMENT_LIMIT)?;
        let Manifest { config, layers, .. } = Manifest::parse(&json)?;
        if !config.media_type().is_image_config() {
            let problem = format!("expected an image config, found {}", config.media_type());
            return Err(Error::format("image manifest", problem));
        }
        let mut config = ImageConfig::parse(&layout.read_blob(&config, DOCUMENT_LIMIT)?)?;
        config.check_layers(layers.len())?;
        let manifest: Object = json::parse("image manifest", &json)?;
        let annotations = manifest.get("image manifest", "annotations")?.unwrap_or_default();
        let layers = memory::try_list(layers.into_iter().map(of_an_oci_image))?;
        Ok(Self { layout: layout.clone(), config, layers, annotations, manifest })
    }

    /// Takes a whole config to start from. Its `rootfs` and its `history` are
    /// not taken: those are of the layers of this image.
    ///
    /// # Errors
    /// [`Error::Format`] when it is not an image config.
    pub fn config_json(&mut self, json: &[u8]) -> Result<&mut Self> {
        self.config.replace_members(json)?;
        Ok(self)
    }

    /// What the image runs on.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn platform(&mut self, platform: &Platform) -> Result<&mut Self> {
        self.config.set_platform(platform)?;
        Ok(self)
    }

    /// When the image was made, as RFC 3339. It is written into the history of
    /// the layers that are added from now on.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not such a time.
    pub fn created(&mut self, created: &str) -> Result<&mut Self> {
        if !is_time(created) {
            let expected = "a time by RFC 3339, such as 2026-01-31T12:00:00Z";
            return Err(Error::invalid("created", expected, created));
        }
        self.config.set_created(created)?;
        Ok(self)
    }

    /// The program that a container runs, with its first arguments.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn entrypoint(&mut self, arguments: &[&str]) -> Result<&mut Self> {
        self.config.set_run("Entrypoint", arguments)?;
        Ok(self)
    }

    /// The arguments that follow the entrypoint, if the user gives none.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn command(&mut self, arguments: &[&str]) -> Result<&mut Self> {
        self.config.set_run("Cmd", arguments)?;
        Ok(self)
    }

    /// Sets a variable of the environment.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name is empty or has an equals sign.
    pub fn env(&mut self, name: &str, value: &str) -> Result<&mut Self> {
        if name.is_empty() || name.contains('=') {
            return Err(Error::invalid("variable", "a name without an equals sign", name));
        }
        self.config.set_env(name, value)?;
        Ok(self)
    }

    /// The directory that the entrypoint starts in.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn working_dir(&mut self, path: &str) -> Result<&mut Self> {
        self.config.set_run("WorkingDir", path)?;
        Ok(self)
    }

    /// Who the entrypoint runs as: `user`, `uid`, `user:group` or `uid:gid`.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn user(&mut self, user: &str) -> Result<&mut Self> {
        self.config.set_run("User", user)?;
        Ok(self)
    }

    /// Sets a label.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the key is empty.
    pub fn label(&mut self, key: &str, value: &str) -> Result<&mut Self> {
        if key.is_empty() {
            return Err(Error::invalid("label", "a key of at least one character", key));
        }
        self.config.set_run_key("Labels", key, value)?;
        Ok(self)
    }

    /// Says that the container listens on a port: `port`, `port/tcp` or
    /// `port/udp`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is of another form.
    pub fn exposed_port(&mut self, port: &str) -> Result<&mut Self> {
        let number = port.strip_suffix("/tcp").or(port.strip_suffix("/udp")).unwrap_or(port);
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        if !digits || !number.parse::<u16>().is_ok_and(|number| number > 0) {
            let expected = "a number from 1 to 65535, with /tcp or /udp or nothing behind it";
            return Err(Error::invalid("port", expected, port));
        }
        self.config.set_run_key("ExposedPorts", port, &BTreeMap::<(), ()>::new())?;
        Ok(self)
    }

    /// Sets an annotation of the manifest, or takes it away when `value` is
    /// `None`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the key is empty.
    pub fn annotation(&mut self, key: &str, value: Option<&str>) -> Result<&mut Self> {
        edit_annotation(&mut self.annotations, key, value)?;
        Ok(self)
    }

    /// Adds a layer on top, and its entry of the history.
    ///
    /// `diff_id` is the digest of its uncompressed tar; `None` takes what the
    /// descriptor knows from the time when the layer was stored.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the layer is not there, [`Error::State`] when
    /// its diff ID is neither given nor known.
    pub fn layer(
        &mut self,
        layer: &Descriptor,
        diff_id: Option<&Digest>,
        created_by: Option<&str>,
    ) -> Result<&mut Self> {
        self.layout.check_present(layer)?;
        let diff_id = diff_id.or(layer.diff_id()).cloned().ok_or_else(|| {
            let digest = layer.digest();
            Error::State(format!("layer {digest}: expected a diff ID, found it not known: give it"))
        })?;
        let layer = of_an_oci_image(layer.clone())?;
        self.layers.try_reserve(1)?;
        self.config.add_layer(diff_id, created_by)?;
        self.layers.push(layer);
        Ok(self)
    }

    /// Adds an entry of the history for a step that made no layer.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn history(&mut self, created_by: &str, comment: Option<&str>) -> Result<&mut Self> {
        self.config.add_step(created_by, comment)?;
        Ok(self)
    }

    /// Stores the config and the manifest, and says what points at the image,
    /// with its platform. Naming it in `index.json` is another step. The
    /// builder can go on, to make another image.
    ///
    /// # Errors
    /// [`Error::State`] when the image has no platform, [`Error::Io`] when it
    /// could not be written, [`Error::NotFound`] when a layer has gone.
    pub fn finish(&self) -> Result<Descriptor> {
        let platform = self.config.platform()?.ok_or_else(|| {
            let problem = "image: expected a platform, found none: set one, such as linux/amd64";
            Error::State(problem.to_owned())
        })?;
        let media_type = MediaType::known(MediaType::IMAGE_CONFIG);
        let config = self.layout.put(
            self.config.write()?.as_bytes(),
            &BlobOptions::new().media_type(media_type).rehash(),
        )?;
        let media_type = MediaType::known(MediaType::IMAGE_MANIFEST);
        let json = write_document(&self.manifest, &media_type, &self.annotations, |manifest| {
            manifest.set("config", &config)?;
            manifest.set("layers", &self.layers)
        })?;
        let mut image =
            self.layout.put_manifest(json.as_bytes(), Some(&media_type), Missing::Refused)?;
        image.set_platform(&platform)?;
        Ok(image)
    }
}

/// A layer of Docker's is the same bytes by another name, which some readers do
/// not accept in an OCI image.
fn of_an_oci_image(mut layer: Descriptor) -> Result<Descriptor> {
    if let Some(media_type) = layer.media_type().oci_layer() {
        layer.set_media_type(&media_type)?;
    }
    Ok(layer)
}

/// Whether this is a time by RFC 3339 in the form that readers in Go accept,
/// which is narrower: an upper-case T and Z, and no leap second.
fn is_time(text: &str) -> bool {
    OffsetDateTime::parse(text, &Rfc3339).is_ok()
        && text.get(10..11) == Some("T")
        && text.get(17..19) != Some("60")
        && !text.ends_with('z')
}

/// Writes a manifest or an index: `members` as far as they are not set anew.
pub(super) fn write_document(
    members: &Object,
    media_type: &MediaType,
    annotations: &Annotations,
    fill: impl FnOnce(&mut Object) -> Result<()>,
) -> Result<String> {
    let mut document = members.copy()?;
    document.set("schemaVersion", &2)?;
    document.set("mediaType", media_type)?;
    fill(&mut document)?;
    if annotations.is_empty() {
        document.remove("annotations");
    } else {
        document.set("annotations", annotations)?;
    }
    json::write(&document)
}
