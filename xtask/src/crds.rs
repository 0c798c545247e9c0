//! `cargo xtask crds`: writes the custom resource definitions to `crds/`, or checks that they are up to date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use supercargo_api::crd::definitions;

/// Writes every definition, or with `check` only compares; an error names the files that differ.
pub fn run(check: bool) -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds");
    let mut wanted = BTreeMap::new();
    for definition in definitions() {
        wanted.insert(folder.join(definition.file_name()), definition.to_yaml()?);
    }

    if check {
        return compare(&folder, &wanted);
    }
    fs::create_dir_all(&folder)?;
    for (path, text) in &wanted {
        fs::write(path, text)?;
        println!("wrote {}", name_of(path));
    }
    Ok(())
}

fn compare(folder: &Path, wanted: &BTreeMap<PathBuf, String>) -> Result<(), Box<dyn std::error::Error>> {
    let mut differences = Vec::new();
    for (path, text) in wanted {
        match fs::read_to_string(path) {
            Ok(found) if found == *text => {}
            Ok(_) => differences.push(format!("{} differs from the types", name_of(path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                differences.push(format!("{} is missing", name_of(path)));
            }
            Err(error) => differences.push(format!("{} cannot be read: {error}", name_of(path))),
        }
    }
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml")
            && !wanted.keys().any(|known| known.file_name() == path.file_name())
        {
            differences.push(format!("{} belongs to no kind", name_of(&path)));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!("{}; run cargo xtask crds", differences.join(", ")).into())
}

fn name_of(path: &Path) -> String {
    format!("crds/{}", path.file_name().unwrap_or_default().to_string_lossy())
}
