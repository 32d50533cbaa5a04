//! Pictures for those who name no folder: landscapes in the colours of the day, drawn at the start.

use std::f32::consts::TAU;
use std::path::Path;

use anyhow::Context;
use image::{Rgb, RgbImage};
use tempfile::TempDir;
use tokio::task::JoinSet;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 640;

/// The name of a picture and its colours: the sky above, the sky at the horizon, the nearest hills.
const SCENES: [(&str, [Colour; 3]); 12] = [
    (
        "01 before dawn.jpg",
        [[24, 30, 70], [120, 90, 120], [12, 16, 34]],
    ),
    (
        "02 dawn.jpg",
        [[70, 90, 150], [250, 170, 130], [34, 34, 58]],
    ),
    (
        "03 sunrise.png",
        [[110, 160, 220], [255, 214, 150], [40, 58, 62]],
    ),
    (
        "04 morning.jpg",
        [[96, 172, 236], [226, 240, 248], [30, 84, 66]],
    ),
    (
        "05 spring.png",
        [[120, 190, 240], [236, 248, 226], [58, 120, 44]],
    ),
    (
        "06 noon.jpg",
        [[42, 134, 224], [190, 226, 250], [20, 92, 60]],
    ),
    (
        "07 desert.jpg",
        [[66, 140, 200], [250, 226, 180], [150, 84, 40]],
    ),
    (
        "08 haze.jpg",
        [[150, 176, 190], [226, 226, 214], [74, 94, 96]],
    ),
    (
        "09 autumn.png",
        [[130, 150, 190], [250, 220, 170], [132, 56, 22]],
    ),
    (
        "10 sunset.jpg",
        [[90, 60, 130], [255, 140, 70], [40, 20, 44]],
    ),
    ("11 dusk.jpg", [[40, 40, 96], [214, 110, 130], [22, 18, 44]]),
    ("12 night.png", [[6, 10, 28], [40, 54, 96], [4, 6, 16]]),
];

type Colour = [u8; 3];

/// Draws the pictures into a new folder, which is removed when it is dropped.
pub(super) async fn draw() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut drawing = JoinSet::new();
    for (number, (name, colours)) in (0_u8..).zip(SCENES) {
        let file = folder.path().join(name);
        drawing.spawn_blocking(move || draw_scene(&file, f32::from(number), colours));
    }
    while let Some(drawn) = drawing.join_next().await {
        drawn?.context("cannot draw a picture")?;
    }
    Ok(folder)
}

fn draw_scene(
    file: &Path,
    number: f32,
    [above, horizon, near]: [Colour; 3],
) -> image::ImageResult<()> {
    let (width, height) = (WIDTH as f32, HEIGHT as f32);
    // Five ranges of hills, the farthest first and in the colour of the horizon.
    let ranges: Vec<(Vec<f32>, Rgb<u8>)> = (1..=5_u8)
        .map(|range| {
            let share = f32::from(range) / 5.0;
            let tops = (0..WIDTH).map(|x| height * top(x as f32 / width, share, number));
            (tops.collect(), mix(horizon, near, share))
        })
        .collect();
    let (sun_x, sun_y) = (
        width * (0.2 + number * 0.05),
        height * (0.34 - (TAU * number / 22.0).sin() * 0.16),
    );
    let sun = mix(horizon, [255, 250, 235], 0.75);
    let picture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let hill = ranges
            .iter()
            .rev()
            .find(|(tops, _)| y as f32 > tops[x as usize]);
        let in_sun = (x as f32 - sun_x).hypot(y as f32 - sun_y) < height * 0.07;
        match hill {
            Some((_, colour)) => *colour,
            None if in_sun => sun,
            None => mix(above, horizon, (y as f32 / (height * 0.65)).min(1.0)),
        }
    });
    picture.save(file)
}

/// The height at which a range of hills ends, from 0 at the top of the picture to 1.
fn top(x: f32, share: f32, number: f32) -> f32 {
    let wave = |length: f32, shift: f32| (TAU * (x * length + shift + number * 0.37)).sin();
    let bumps =
        wave(1.3, share * 3.1) * 0.5 + wave(3.1, share * 7.7) * 0.3 + wave(7.9, share * 1.3) * 0.1;
    0.42 + share * 0.42 + bumps * 0.07
}

fn mix(from: Colour, to: Colour, share: f32) -> Rgb<u8> {
    Rgb(std::array::from_fn(|channel| {
        let (from, to) = (f32::from(from[channel]), f32::from(to[channel]));
        (from + (to - from) * share).round() as u8
    }))
}
