use std::fs::File;
use std::io::{self, BufReader, Cursor};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use groupcache::{Getter, GetterError, Key, NotFound, Value};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::wanted::Wanted;
use crate::folder::Folder;

/// The largest file that is decoded, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// The largest picture that is decoded. A small file can be a picture that takes gigabytes.
const MAX_PIXELS: u64 = 40_000_000;
/// The memory that decoding may take besides the picture itself, in bytes.
const MAX_MEMORY: u64 = 512 << 20;
/// How many times as high as wide a thumbnail can be.
const TALLEST: u32 = 4;

/// Makes thumbnails: the getter of the group. Clones share the limit on pictures in work.
#[derive(Clone, Debug)]
pub(super) struct Studio {
    folder: Folder,
    /// A permit for each picture that is decoded. Decoding takes a whole processor and much memory.
    jobs: Arc<Semaphore>,
    delay: Duration,
}

impl Studio {
    pub(super) fn new(folder: Folder, jobs: usize, delay: Duration) -> Self {
        Self {
            folder,
            jobs: Arc::new(Semaphore::new(jobs)),
            delay,
        }
    }
}

impl Getter for Studio {
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        let wanted = Wanted::try_from(&key)?;
        wanted.check()?;
        tokio::time::sleep(self.delay).await;
        let permit = Arc::clone(&self.jobs).acquire_owned().await?;
        let folder = self.folder.clone();
        let made = spawn_blocking(move || {
            // Kept until the work is done, also when nobody waits for it any more.
            let _permit = permit;
            make(&folder, &wanted)
        });
        Ok(made.await??.into())
    }
}

/// Reads a picture and makes its thumbnail, a file of the same format.
fn make(folder: &Folder, wanted: &Wanted) -> anyhow::Result<Vec<u8>> {
    let path = &wanted.path;
    let file = folder.find(path)?;
    let file = file.ok_or_else(|| no_thumbnail(format!("there is no {path}")))?;
    let (picture, format) = decode(&file).map_err(|why| match why {
        Undecoded::Unfit(reason) => no_thumbnail(format!("{path} {reason}")),
        Undecoded::Failed(error) => anyhow!(error).context(format!("cannot read {path}")),
    })?;
    let mut bytes = Cursor::new(Vec::new());
    shrink(&picture, wanted.width).write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// "Not found", with a reason that whoever asks may know, on whichever node.
fn no_thumbnail(reason: String) -> anyhow::Error {
    anyhow!(NotFound).context(reason)
}

/// Why a file gave no picture.
enum Undecoded {
    /// It never will.
    Unfit(String),
    Failed(io::Error),
}

fn decode(file: &Path) -> Result<(DynamicImage, ImageFormat), Undecoded> {
    let file = File::open(file)?;
    if file.metadata()?.len() > MAX_FILE {
        let reason = format!("is larger than {} MiB", MAX_FILE >> 20);
        return Err(Undecoded::Unfit(reason));
    }
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format()?;
    let format = reader.format().filter(ImageFormat::reading_enabled);
    let format = format.ok_or_else(|| Undecoded::Unfit("is not a PNG or JPEG picture".into()))?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);

    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let reason = format!("has {width} x {height} pixels, which are too many");
        return Err(Undecoded::Unfit(reason));
    }
    // Cameras lie on their sides and say so.
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok((picture, format))
}

impl From<io::Error> for Undecoded {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<ImageError> for Undecoded {
    fn from(error: ImageError) -> Self {
        match error {
            // A file that ends too early is not the disk's fault.
            ImageError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Self::Failed(error)
            }
            error => Self::Unfit(format!("cannot be decoded: {error}")),
        }
    }
}

/// A picture that is small enough stays as it is.
fn shrink(picture: &DynamicImage, width: u32) -> DynamicImage {
    let height = width.saturating_mul(TALLEST);
    if picture.width() <= width && picture.height() <= height {
        return picture.clone();
    }
    picture.thumbnail(width, height)
}
