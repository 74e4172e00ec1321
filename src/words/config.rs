//! Image configs: how an image is run, and what its layers are.
//!
//! image-spec, config.md.

use super::digest::Digest;
use super::error::{Error, Result};
use super::json::{self, Object, Raw};
use super::memory::{self, Asking};
use super::platform::Platform;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const NAME: &str = "image config";

/// An image config that is edited; members that this library does not know stay
/// as they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageConfig {
    members: Object,
    /// The member `config`: what a container is run with.
    run: Object,
    diff_ids: Vec<Digest>,
    history: Vec<Raw>,
}

/// An entry of the history that this library writes.
#[derive(Serialize)]
struct History<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty_layer: bool,
}

impl ImageConfig {
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let members: Object = json::parse(NAME, json)?;
        let run = members.get(NAME, "config")?.unwrap_or_default();
        let rootfs: Object = members.get(NAME, "rootfs")?.unwrap_or_default();
        let diff_ids = rootfs.get("image config: rootfs", "diff_ids")?.unwrap_or_default();
        let history = members.get(NAME, "history")?.unwrap_or_default();
        Ok(Self { members, run, diff_ids, history })
    }

    /// The config as JSON, with `rootfs` and `history` as they are now.
    pub(crate) fn write(&self) -> Result<String> {
        let mut members = self.members.copy()?;
        if members.get::<&RawValue>(NAME, "config")?.is_some() || !self.run.is_empty() {
            members.set("config", &self.run)?;
        }
        let mut rootfs: Object = members.get(NAME, "rootfs")?.unwrap_or_default();
        rootfs.set("type", "layers")?;
        rootfs.set("diff_ids", &self.diff_ids)?;
        members.set("rootfs", &rootfs)?;
        if self.history.is_empty() {
            members.remove("history");
        } else {
            members.set("history", &self.history)?;
        }
        json::write(&members)
    }

    pub(crate) fn platform(&self) -> Result<Option<Platform>> {
        let text = |member| self.members.get::<String>(NAME, member);
        let platform = Platform {
            architecture: text("architecture")?.unwrap_or_default(),
            os: text("os")?.unwrap_or_default(),
            os_version: text("os.version")?,
            os_features: self.members.get(NAME, "os.features")?,
            variant: text("variant")?,
        };
        let named = !platform.os.is_empty() && !platform.architecture.is_empty();
        Ok(named.then_some(platform))
    }

    pub(crate) fn set_platform(&mut self, platform: &Platform) -> Result<()> {
        let mut members = self.members.copy()?;
        members.set("architecture", &platform.architecture)?;
        members.set("os", &platform.os)?;
        members.set_or_remove("variant", platform.variant.as_ref())?;
        members.set_or_remove("os.version", platform.os_version.as_ref())?;
        members.set_or_remove("os.features", platform.os_features.as_ref())?;
        self.members = members;
        Ok(())
    }

    pub(crate) fn created(&self) -> Result<Option<String>> {
        self.members.get(NAME, "created")
    }

    pub(crate) fn set_created(&mut self, created: &str) -> Result<()> {
        self.members.set("created", created)
    }

    /// Sets a member of `config`, such as `Entrypoint`.
    pub(crate) fn set_run<T: Serialize + ?Sized>(&mut self, member: &str, value: &T) -> Result<()> {
        self.run.set(member, value)
    }

    /// Sets one key of a map in `config`, such as `Labels`.
    pub(crate) fn set_run_key<T: Serialize + ?Sized>(
        &mut self,
        member: &str,
        key: &str,
        value: &T,
    ) -> Result<()> {
        let mut map: Object = self.run.get(NAME, member)?.unwrap_or_default();
        map.set(key, value)?;
        self.run.set(member, &map)
    }

    /// Sets a variable of the environment, in its place if it is there.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) -> Result<()> {
        let mut variables: Vec<String> = self.run.get(NAME, "Env")?.unwrap_or_default();
        let mut setting = memory::owned(name)?;
        memory::append(&mut setting, "=")?;
        memory::append(&mut setting, value)?;
        match variables.iter_mut().find(|known| known.split('=').next() == Some(name)) {
            Some(known) => *known = setting,
            None => memory::push(&mut variables, setting)?,
        }
        self.run.set("Env", &variables)
    }

    /// How many layers the image has by its config.
    pub(crate) fn layers(&self) -> usize {
        self.diff_ids.len()
    }

    /// Adds a layer and its entry of the history.
    pub(crate) fn add_layer(&mut self, diff_id: Digest, created_by: Option<&str>) -> Result<()> {
        self.diff_ids.try_reserve(1)?;
        self.add_history(created_by, None, false)?;
        self.diff_ids.push(diff_id);
        Ok(())
    }

    /// Adds an entry of the history that made no layer.
    pub(crate) fn add_step(&mut self, created_by: &str, comment: Option<&str>) -> Result<()> {
        self.add_history(Some(created_by), comment, true)
    }

    fn add_history(
        &mut self,
        created_by: Option<&str>,
        comment: Option<&str>,
        empty_layer: bool,
    ) -> Result<()> {
        let created = self.created()?;
        let entry = History { created: created.as_deref(), created_by, comment, empty_layer };
        memory::push(&mut self.history, Raw::of(&entry)?)
    }

    /// Makes this config one of `layers` layers, or says why it cannot be.
    ///
    /// A config without history gets an empty entry for each layer, so that the
    /// entries which follow stand for the layers which follow.
    pub(crate) fn check_layers(&mut self, layers: usize) -> Result<()> {
        if self.diff_ids.len() != layers {
            let found = self.diff_ids.len();
            return Err(Error::format(
                NAME,
                format!("expected a diff ID for each of {layers} layers, found {found}"),
            ));
        }
        let mut recorded = 0;
        for entry in &self.history {
            recorded += usize::from(!is_empty_layer(entry)?);
        }
        if recorded > layers {
            return Err(Error::format(
                NAME,
                format!("expected history of {layers} layers, found that of {recorded}"),
            ));
        }
        for _ in recorded..layers {
            memory::push(&mut self.history, Raw::of(&Object::default())?)?;
        }
        Ok(())
    }

    /// Takes the members of another config, but keeps the layers and history.
    pub(crate) fn replace_members(&mut self, json: &[u8]) -> Result<()> {
        let other = Self::parse(json)?;
        other.platform()?;
        other.created()?;
        other.check_run()?;
        self.members = other.members;
        self.run = other.run;
        Ok(())
    }

    /// Checks the types of the members that are edited here.
    fn check_run(&self) -> Result<()> {
        for list in ["Entrypoint", "Cmd", "Env"] {
            self.run.get::<Vec<String>>(NAME, list)?;
        }
        for map in ["Labels", "ExposedPorts"] {
            self.run.get::<Object>(NAME, map)?;
        }
        for text in ["User", "WorkingDir"] {
            self.run.get::<String>(NAME, text)?;
        }
        Ok(())
    }
}

fn is_empty_layer(entry: &Raw) -> Result<bool> {
    #[derive(Deserialize)]
    struct Entry {
        empty_layer: Option<bool>,
    }
    impl Asking<'_> for Entry {}
    let entry: Entry = json::object(entry.get()).map_err(|error| Error::json(NAME, &error))?;
    Ok(entry.empty_layer.unwrap_or_default())
}
