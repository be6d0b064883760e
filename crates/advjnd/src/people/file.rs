// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file of people, in safetensors format: for each person and recogniser a tensor `PERSON/RECOGNISER` of f32
//! [photographs, length], and in the metadata the SHA-256 of each recogniser's weights. It holds biometric data:
//! whoever writes it must keep it from other readers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{Known, People, Photograph};
use crate::error::{Error, Result};
use crate::models::{Models, read};

/// Longest file that is read, bytes.
const MAX_LEN: u64 = 1 << 26;
/// Key and value of the format in the metadata.
const FORMAT: (&str, &str) = ("format", "advjnd-people-1");
/// Prefix of the metadata key of a recogniser's checksum.
const CHECKSUM: &str = "sha256/";
/// What to do about a file that does not fit.
const ANEW: &str = "make it anew with `advjnd enrol`";

impl People {
    /// Loads the people of a file that [`to_bytes`](Self::to_bytes) made, for the recognisers of `models`. The file may
    /// hold further recognisers.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Input`] if it is not such a file, was made with other weights, or
    /// lacks a person's embeddings by one of the recognisers.
    pub fn load(path: &Path, models: &Models) -> Result<Self> {
        let bytes = read(path, MAX_LEN, "give a folder of photographs, or a file that `advjnd enrol` made")?;
        Self::from_bytes(&bytes, models).map_err(|error| Error::input(format!("{}: {error}", path.display())))
    }

    /// The people in the bytes of such a file.
    ///
    /// # Errors
    /// [`Error::Input`], as [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], models: &Models) -> Result<Self> {
        let damaged = |what: String| Error::input(format!("{what}; {ANEW}"));
        let unreadable = |error: safetensors::SafeTensorError| damaged(format!("is no file of people ({error})"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        if metadata.get(FORMAT.0).map(String::as_str) != Some(FORMAT.1) {
            return Err(damaged("is no file of people".to_owned()));
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let mut people = Self::new(models);
        for Known { spec, sha256 } in &people.recognizers {
            if metadata.get(&format!("{CHECKSUM}{}", spec.name)) != Some(sha256) {
                let name = &spec.name;
                return Err(damaged(format!("was not made with the weights of {name} that are loaded")));
            }
        }
        let names: BTreeMap<&str, ()> =
            tensors.names().into_iter().filter_map(|name| Some((name.rsplit_once('/')?.0, ()))).collect();
        for name in names.into_keys() {
            let mut photographs: Vec<Vec<Vec<f32>>> = Vec::new();
            for (index, Known { spec, .. }) in people.recognizers.iter().enumerate() {
                let tensor = tensors.tensor(&format!("{name}/{}", spec.name));
                let tensor = tensor.map_err(|_| damaged(format!("{name} was not embedded by {}", spec.name)))?;
                let rows = rows(&tensor, spec.embedding_len)
                    .ok_or_else(|| damaged(format!("the embeddings of {name} by {} are damaged", spec.name)))?;
                if index == 0 {
                    photographs = vec![Vec::new(); rows.len()];
                }
                if rows.len() != photographs.len() {
                    return Err(damaged(format!("{name} has more photographs with one recogniser than with another")));
                }
                photographs.iter_mut().zip(rows).for_each(|(photograph, row)| photograph.push(row));
            }
            for photograph in photographs {
                people.add(name, Photograph(photograph))?;
            }
        }
        if people.is_empty() {
            return Err(damaged("has nobody in it".to_owned()));
        }
        Ok(people)
    }

    /// The bytes of a file that [`load`](Self::load) reads.
    ///
    /// # Errors
    /// [`Error::Input`] if there is nobody.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if self.is_empty() {
            return Err(Error::input("there is nobody to write to a file; give a photograph"));
        }
        let mut tensors = Vec::new();
        for (name, photographs) in &self.people {
            for (index, Known { spec, .. }) in self.recognizers.iter().enumerate() {
                let values = photographs.iter().flat_map(|photograph| &photograph.0[index]);
                let data: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
                tensors.push((format!("{name}/{}", spec.name), vec![photographs.len(), spec.embedding_len], data));
            }
        }
        let unwritable =
            |error: safetensors::SafeTensorError| Error::input(format!("people cannot be written: {error}"));
        let views = tensors.iter().map(|(name, shape, data)| {
            Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).map_err(unwritable)?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let checksums = self.recognizers.iter().map(|known| (format!("{CHECKSUM}{}", known.spec.name), &known.sha256));
        let mut metadata: HashMap<String, String> = checksums.map(|(key, value)| (key, value.clone())).collect();
        metadata.insert(FORMAT.0.to_owned(), FORMAT.1.to_owned());
        safetensors::serialize(views, Some(metadata)).map_err(unwritable)
    }
}

/// The rows of a tensor; `None` unless it is a matrix of finite f32 with this many columns and at least one row.
fn rows(tensor: &TensorView<'_>, columns: usize) -> Option<Vec<Vec<f32>>> {
    let &[count, length] = tensor.shape() else { return None };
    if tensor.dtype() != Dtype::F32 || length != columns || count == 0 {
        return None;
    }
    let values =
        tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let values: Vec<f32> = values.collect();
    let is_finite = values.iter().all(|value| value.is_finite());
    is_finite.then(|| values.chunks_exact(columns).map(<[f32]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn models(names: &[&str]) -> std::sync::Arc<Models> {
        Models::open(None, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// Two people, of one and of two photographs.
    fn people(models: &Models) -> People {
        let mut people = People::new(models);
        for (name, start) in [("Ann/a", 0.5), ("Bob", -2.0), ("Bob", 7.0)] {
            let row = |spec: &crate::net::RecognizerSpec| {
                (0..spec.embedding_len).map(|index| start + index as f32 / 8.0).collect()
            };
            let photograph = Photograph(people.specs().map(row).collect());
            people.add(name, photograph).unwrap();
        }
        people
    }

    /// Why bytes are refused.
    fn refusal(bytes: &[u8], models: &Models) -> String {
        People::from_bytes(bytes, models).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_by_all_recognisers_or_by_one() {
        let all = models(&[]);
        let people = people(&all);
        let bytes = people.to_bytes().unwrap();
        assert_eq!(People::from_bytes(&bytes, &all).unwrap(), people);
        let one = People::from_bytes(&bytes, &models(&["mobilefacenet"])).unwrap();
        assert_eq!(one.iter().collect::<Vec<_>>(), [("Ann/a", 1), ("Bob", 2)]);
        let own = |people: &People, index: usize| {
            people.photographs().map(|photograph| photograph.0[index].clone()).collect::<Vec<_>>()
        };
        let index = people.specs().position(|spec| spec.name == "mobilefacenet").unwrap();
        assert_eq!(own(&one, 0), own(&people, index));
    }

    #[test]
    fn files_of_other_weights_or_without_a_recogniser_are_refused_with_what_to_do() {
        let (all, one) = (models(&[]), models(&["dlib_resnet29"]));
        let mut other = people(&all);
        other.recognizers[1].sha256 = "0".repeat(64);
        let name = other.recognizers[1].spec.name.clone();
        let told = refusal(&other.to_bytes().unwrap(), &all);
        assert!(told.contains(&name) && told.contains("make it anew"), "{told}");
        let told = refusal(&people(&one).to_bytes().unwrap(), &all);
        assert!(told.contains("make it anew"), "{told}");
        assert!(People::from_bytes(&other.to_bytes().unwrap(), &one).is_ok(), "another's weights are nothing to it");
    }

    /// The same file with its tensors changed by `change`, which gets name, shape and bytes.
    fn changed(bytes: &[u8], change: impl Fn(&str, &mut Vec<usize>, &mut Vec<u8>) -> bool) -> Vec<u8> {
        let metadata = SafeTensors::read_metadata(bytes).unwrap().1.metadata().clone();
        let mut tensors = Vec::new();
        for (name, view) in SafeTensors::deserialize(bytes).unwrap().tensors() {
            let (mut shape, mut data) = (view.shape().to_vec(), view.data().to_vec());
            if change(&name, &mut shape, &mut data) {
                tensors.push((name, shape, data));
            }
        }
        let views = tensors
            .iter()
            .map(|(name, shape, data)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
        safetensors::serialize(views, metadata).unwrap()
    }

    #[test]
    fn damaged_files_are_refused() {
        let all = models(&[]);
        let bytes = people(&all).to_bytes().unwrap();
        assert!(People::from_bytes(&changed(&bytes, |_, _, _| true), &all).is_ok());
        let is = |name: &str| name == "Bob/dlib_resnet29";
        let without = changed(&bytes, |name, _, _| !is(name));
        assert!(refusal(&without, &all).contains("Bob was not embedded by dlib_resnet29"));
        let fewer = changed(&bytes, |name, shape, data| {
            if is(name) {
                shape[0] = 1;
                data.truncate(data.len() / 2);
            }
            true
        });
        assert!(refusal(&fewer, &all).contains("more photographs"));
        let infinite = changed(&bytes, |_, _, data| {
            data[..4].copy_from_slice(&f32::INFINITY.to_le_bytes());
            true
        });
        let short = changed(&bytes, |_, shape, data| {
            data.truncate(4);
            *shape = vec![1, 1];
            true
        });
        let model = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/mobilefacenet.safetensors"));
        let nobody = changed(&bytes, |_, _, _| false);
        for damaged in [&infinite, &short, &nobody, &model.unwrap(), &bytes[..bytes.len() - 1].to_vec(), &vec![7; 99]] {
            let told = refusal(damaged, &all);
            assert!(told.contains("make it anew"), "{told}");
        }
        assert!(People::new(&all).to_bytes().is_err());
    }
}
