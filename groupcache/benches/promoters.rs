//! What each promoter saves: four nodes, each asked for 100,000 keys with Zipf's distribution, at a
//! thousand gets a second of simulated time, with room for 2, 5 and 10 % of the data on each node.
//!
//! `cargo bench -p groupcache-rs --bench promoters` prints, for each thousand gets, how many went
//! over the network and how many were loaded; first for a popularity that stays as it is, then for
//! one that shifts: every half minute the 311 hottest keys become the coldest. Everything is
//! counted from the first get on, with cold caches. The same seed serves all. `--quick` is for
//! seeing that it runs; an argument such as `Owner` picks rows.

#![allow(missing_docs, reason = "a program")]

use std::convert::Infallible;
use std::time::Duration;

use groupcache::testing::Cluster;
use groupcache::{
    Always, ByRate, Group, GroupBuilder, Key, ManualClock, Never, OneInTen, OwnerMeasured,
    SeenBefore,
};

const NODES: usize = 4;
const KEYS: usize = 100_000;
const EXPONENT: f64 = 0.99;
const PERCENT: [usize; 3] = [2, 5, 10];
/// Of each node.
const GETS_PER_SECOND: u32 = 1000;
const SECONDS: usize = 300;

/// How often the popularity shifts, and by how many ranks.
const SHIFT_EVERY: usize = 30;
const SHIFT_BY: usize = 311;

const VALUE_BYTES: usize = 64;
/// What an entry is charged: eight bytes of key, the value, and what it takes to find it.
const CHARGE: usize = 8 + VALUE_BYTES + 160;

type Configure = fn(GroupBuilder) -> GroupBuilder;

const PROMOTERS: [(&str, Configure); 7] = [
    ("Never", |group| group.promoter(Never)),
    ("Always", |group| group.promoter(Always)),
    ("OneInTen", |group| group.promoter(OneInTen::default())),
    ("SeenBefore", |group| group.promoter(SeenBefore)),
    ("ByRate 10/min", |group| {
        group.promoter(ByRate::per_minute(10.0))
    }),
    ("ByRate 30/min", |group| {
        group.promoter(ByRate::per_minute(30.0))
    }),
    ("OwnerMeasured", |group| {
        group.promoter(OwnerMeasured::default())
    }),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), groupcache::Error> {
    let (flags, picks): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|arg| arg.starts_with("--"));
    let quick = flags.iter().any(|flag| flag == "--quick");
    let picked = |name: &str| picks.is_empty() || picks.iter().any(|pick| name.contains(&**pick));
    let seconds = if quick { 3 } else { SECONDS };
    for (title, shift_by) in [
        ("The popularity stays as it is", 0),
        ("The popularity shifts", SHIFT_BY),
    ] {
        println!("\n{title}: fetches / loads per thousand gets\n");
        print!("| promoter      |");
        for percent in PERCENT {
            print!(" {:>13} |", format!("{percent} %"));
        }
        println!(
            "\n|---------------|{}",
            "--------------:|".repeat(PERCENT.len())
        );
        for (name, configure) in PROMOTERS.into_iter().filter(|(name, _)| picked(name)) {
            print!("| {name:<13} |");
            for percent in PERCENT {
                let (fetched, loaded) = run(configure, percent, shift_by, seconds).await?;
                print!(" {:>13} |", format!("{fetched:.1} / {loaded:.1}"));
            }
            println!();
        }
    }
    Ok(())
}

/// Fetches over the network and getter calls per thousand gets.
async fn run(
    configure: Configure,
    percent: usize,
    shift_by: usize,
    seconds: usize,
) -> Result<(f64, f64), groupcache::Error> {
    let clock = ManualClock::new();
    let shown = clock.clone();
    let cluster = Cluster::builder(NODES)
        .in_process()
        .configure(move |node| node.clock(shown.clone()))
        .start()
        .await?;
    let value = groupcache::ByteView::from(vec![0; VALUE_BYTES]);
    let getter = move |_: Key| {
        let value = value.clone();
        async move { Ok::<_, Infallible>(value) }
    };
    let budget = KEYS * percent / 100 * CHARGE;
    let groups = cluster.group_with("promoters", budget, getter, configure)?;

    let (zipf, mut random) = (Zipf::new(), Random(5));
    for second in 0..seconds {
        let shift = second / SHIFT_EVERY * shift_by;
        for _ in 0..GETS_PER_SECOND {
            for group in &groups {
                let key = (zipf.rank(&mut random) + shift) % KEYS;
                group.get((key as u64).to_be_bytes()).await?;
            }
            clock.advance(Duration::from_secs(1) / GETS_PER_SECOND);
        }
    }
    let sum = |count: fn(&Group) -> u64| groups.iter().map(count).sum::<u64>() as f64;
    let thousands = sum(|group| group.stats().gets) / 1000.0;
    Ok((
        sum(|group| group.stats().fetched) / thousands,
        sum(|group| group.stats().getter_calls) / thousands,
    ))
}

/// Ranks with a probability in proportion to `1 / (rank + 1)^s`, by inversion.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new() -> Self {
        let mut sum = 0.0;
        let weights = (1..=KEYS).map(|rank| (rank as f64).powf(-EXPONENT));
        Self(
            weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        )
    }

    fn rank(&self, random: &mut Random) -> usize {
        let point = random.unit() * self.0[KEYS - 1];
        self.0.partition_point(|sum| *sum <= point)
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
