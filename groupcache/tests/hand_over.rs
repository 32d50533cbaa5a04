//! Values that change hands with the members: a node that leaves offers others what it has, and a node that starts is offered
//! what is its own. The database hardly notices.

mod common;

use std::convert::Infallible;
use std::time::Duration;

use common::simulated::{HOSTS, nodes, nodes_with, urls};
use common::three::numbering;
use common::{Calls, MIB};
use groupcache::testing::Network;
use groupcache::{Always, Group, HttpOptions, Key, ManualClock, Never, Node, NodeBuilder, Source};
use tokio::time::{sleep, timeout};

const KEYS: usize = 300;

/// Longer than the window in which former owners are asked for single keys.
const AFTER_THE_WINDOW: Duration = Duration::from_secs(31);

const SECOND: Duration = Duration::from_secs(1);

/// Long enough for nodes that reach each other.
const MOMENT: Duration = Duration::from_secs(1);

fn key(number: usize) -> String {
    format!("k{number}")
}

fn build(node: &Node, calls: &Calls) -> Group {
    let group = node.group("g", MIB, calls.echo()).promoter(Never);
    group.build().unwrap()
}

fn build_on_standby(node: &Node, calls: &Calls) -> Group {
    let group = node.group("g", MIB, calls.echo()).promoter(Never);
    group.standby(true).build().unwrap()
}

/// Gets all keys, and says how many were loaded.
async fn load_all(group: &Group) -> usize {
    let mut loaded = 0;
    for number in 0..KEYS {
        let entry = group.entry(key(number)).await.unwrap();
        loaded += usize::from(entry.source() == Source::Origin);
    }
    loaded
}

/// Gets all keys on each node, and then says how often a value was loaded.
async fn loads(groups: &[&Group], calls: &Calls) -> u64 {
    let before = calls.count();
    for group in groups {
        load_all(group).await;
    }
    calls.count() - before
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_hands_its_values_over_and_no_key_is_loaded_again() {
    let (network, calls) = (Network::new(), Calls::default());
    let mut nodes = nodes(&network, &[0, 1, 2]).await;
    let groups: Vec<_> = nodes.iter().map(|node| build(node, &calls)).collect();
    load_all(&groups[0]).await;
    assert_eq!(calls.count(), KEYS as u64);
    let leaver = nodes.pop().unwrap();
    leaver.shutdown().await;
    for node in &nodes {
        assert_eq!(node.peers().len(), 2, "it owns nothing any more");
    }
    network.partition(HOSTS[0], HOSTS[2]);
    network.partition(HOSTS[1], HOSTS[2]);
    sleep(AFTER_THE_WINDOW).await;
    assert_eq!(loads(&[&groups[0], &groups[1]], &calls).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_loads_no_key_again() {
    let (network, calls) = (Network::new(), Calls::default());
    let mut running = nodes(&network, &[0, 1, 2]).await;
    let mut groups: Vec<_> = running.iter().map(|node| build(node, &calls)).collect();
    load_all(&groups[0]).await;
    for place in 0..3 {
        let other = (place + 1) % 3;
        running[place].shutdown().await;
        assert_eq!(loads(&[&groups[other]], &calls).await, 0, "{place} is away");
        sleep(AFTER_THE_WINDOW).await;
        running[place] = nodes(&network, &[place]).await.remove(0);
        groups[place] = build(&running[place], &calls);
        sleep(MOMENT).await;
        for node in &running {
            assert_eq!(node.peers().len(), 3, "it is back");
        }
        sleep(AFTER_THE_WINDOW).await;
        assert_eq!(loads(&[&groups[other]], &calls).await, 0, "{place} is back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_back_from_a_crash_is_offered_what_others_have_for_it() {
    let (network, calls) = (Network::new(), Calls::default());
    let mut running = nodes(&network, &[0, 1, 2]).await;
    let mirrored = |node: &Node| {
        let group = node.group("g", MIB, calls.echo()).promoter(Always);
        group.build().unwrap()
    };
    let groups: Vec<_> = running.iter().map(mirrored).collect();
    load_all(&groups[0]).await;
    drop(running.pop());
    sleep(MOMENT).await;
    let back = nodes(&network, &[2]).await.remove(0);
    let group = mirrored(&back);
    sleep(AFTER_THE_WINDOW).await;
    let own = |number: &usize| back.owner(key(*number)).unwrap().url() == urls()[2];
    let own = (0..KEYS).filter(own).count();
    assert_eq!((group.stats().entries, own > 50), (own as u64, true));
    assert_eq!(loads(&[&groups[1]], &calls).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_back_is_offered_what_is_its_own_however_long_others_have_left_it_alone()
{
    let (network, calls) = (Network::new(), Calls::default());
    let mut running = nodes(&network, &[0, 1, 2]).await;
    let on_standby = |node: &Node| build_on_standby(node, &calls);
    let groups: Vec<_> = running[..2].iter().map(on_standby).collect();
    // The others look after it at pauses of 10 s by then, and it comes back in the middle of one.
    for seconds_away in 60..70 {
        load_all(&groups[0]).await;
        drop(running.pop());
        load_all(&groups[0]).await;
        load_all(&groups[1]).await;
        sleep(seconds_away * SECOND).await;
        running.extend(nodes(&network, &[2]).await);
        let back = on_standby(&running[2]);
        sleep(5 * SECOND).await;
        let held = back.stats().entries;
        assert!(held > 100, "{held} after {seconds_away} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_learns_of_others_after_its_start_takes_over_what_it_is_to_own() {
    let (network, calls) = (Network::new(), Calls::default());
    let alone = |node: NodeBuilder| node.peers(Vec::<String>::new());
    let nodes = nodes_with(&network, &[0, 1, 2], alone).await;
    let groups: Vec<_> = nodes.iter().map(|node| build(node, &calls)).collect();
    for node in &nodes {
        for url in urls().iter().take(2) {
            node.add_peer(&**url).unwrap();
        }
    }
    load_all(&groups[0]).await;
    let before = calls.count();
    // One after the other, and the newcomer last.
    for node in &nodes {
        node.add_peer(&*urls()[2]).unwrap();
    }
    load_all(&groups[2]).await;
    assert_eq!(calls.count(), before);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_offered_values_takes_none_that_is_older_than_a_change_it_knows() {
    let (network, calls) = (Network::new(), Calls::default());
    let mut running = nodes(&network, &[0, 1, 2]).await;
    let numbered = |node: &Node| {
        let group = node.group("g", MIB, numbering(&calls)).promoter(Never);
        group.build().unwrap()
    };
    let groups: Vec<_> = running.iter().map(numbered).collect();
    load_all(&groups[0]).await;
    // Node 2 is not told that all its values are old, and hands them over all the same.
    network.partition(HOSTS[0], HOSTS[2]);
    assert!(groups[0].clear().await.is_err());
    network.heal();
    let before = calls.count();
    running.pop().unwrap().shutdown().await;
    load_all(&groups[0]).await;
    assert_eq!(calls.count() - before, KEYS as u64, "every value was old");
}

#[tokio::test(start_paused = true)]
async fn with_copies_on_standby_the_end_of_a_node_loses_nothing_whatever_came_before() {
    let (network, calls) = (Network::new(), Calls::default());
    let mut running = nodes(&network, &[0, 1, 2]).await;
    let on_standby = |node: &Node| build_on_standby(node, &calls);
    let mut groups: Vec<_> = running.iter().map(on_standby).collect();
    load_all(&groups[0]).await;
    groups[1].set("k1", "set").await.unwrap();
    // Node 1 dies, and comes back. Then node 2 leaves in order, and comes back. Then node 0 dies.
    for place in [1, 2, 0] {
        sleep(MOMENT).await;
        if place == 2 {
            running[place].shutdown().await;
        }
        running.remove(place);
        groups.remove(place);
        sleep(AFTER_THE_WINDOW).await;
        assert_eq!(loads(&[&groups[0], &groups[1]], &calls).await, 0, "{place}");
        assert_eq!(groups[0].get("k1").await.unwrap(), "set");
        running.insert(place, nodes(&network, &[place]).await.remove(0));
        groups.insert(place, on_standby(&running[place]));
        sleep(AFTER_THE_WINDOW).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_on_standby_follows_a_value_that_is_refreshed_ahead_of_its_end() {
    let (network, calls, clock) = (Network::new(), Calls::default(), ManualClock::new());
    let configure = |node: NodeBuilder| node.clock(clock.clone());
    let nodes = nodes_with(&network, &[0, 1, 2], configure).await;
    let build = |node: &Node| {
        let group = node.group("g", MIB, calls.echo()).promoter(Never);
        let group = group.ttl(60 * SECOND).ttl_jitter(Duration::ZERO);
        let group = group.refresh_ahead(20 * SECOND);
        group.standby(true).build().unwrap()
    };
    let groups: Vec<_> = nodes.iter().map(build).collect();
    let is_owner = |number: &usize| nodes[0].owner(key(*number)).unwrap().url() == urls()[0];
    let key = key((0..KEYS).find(is_owner).unwrap());
    let copies = || {
        groups[1..]
            .iter()
            .filter(|group| group.inspect(&key).is_some())
            .count()
    };
    for second in 0..200 {
        groups[0].get(&key).await.unwrap();
        sleep(MOMENT).await;
        clock.advance(SECOND);
        assert_eq!(copies(), 1, "after {second} s");
    }
    assert!((4..=6).contains(&calls.count()), "{}", calls.count());
}

#[tokio::test(start_paused = true)]
async fn a_slow_owner_is_hedged_by_its_stand_in_within_a_budget_and_without_a_load() {
    let (network, calls) = (Network::new(), Calls::default());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let build = |node: &Node| {
        let group = node.group("g", MIB, calls.echo()).promoter(Never);
        group.standby(true).hedge_after(0.95).build().unwrap()
    };
    let groups: Vec<_> = nodes.iter().map(build).collect();
    load_all(&groups[0]).await;
    sleep(AFTER_THE_WINDOW).await;
    load_all(&groups[0]).await;
    assert_eq!(groups[0].stats().hedges, 0, "nobody was slow");
    let before = calls.count();
    network.partition(HOSTS[0], HOSTS[1]);
    let is_slow = |key: &String| {
        let owner = nodes[0].owner(key).unwrap();
        owner.url() == urls()[1] && groups[2].inspect(key).is_some()
    };
    let slow: Vec<_> = (0..KEYS).map(key).filter(is_slow).take(30).collect();
    let mut answered = 0;
    for key in &slow {
        let got = timeout(Duration::from_millis(10), groups[0].get(key)).await;
        answered += u64::from(got.is_ok());
    }
    assert!((5..=11).contains(&answered), "{answered} of {}", slow.len());
    assert_eq!(groups[0].stats().hedges, answered);
    network.heal();
    assert_eq!(calls.count(), before, "no value was loaded again");
}

#[tokio::test(start_paused = true)]
async fn a_value_on_standby_goes_with_its_removal() {
    let (network, calls) = (Network::new(), Calls::default());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let on_standby = |node: &Node| build_on_standby(node, &calls);
    let groups: Vec<_> = nodes.iter().map(on_standby).collect();
    load_all(&groups[0]).await;
    sleep(MOMENT).await;
    let held = || {
        groups
            .iter()
            .map(|group| group.stats().entries)
            .sum::<u64>()
    };
    assert_eq!(held(), 2 * KEYS as u64);
    groups[0].remove_many((0..KEYS).map(key)).await.unwrap();
    assert_eq!(held(), 0);
}

/// A node that asks the others and is none of the members.
#[tokio::test(start_paused = true)]
async fn who_leaves_and_comes_back_is_asked_again_also_by_a_node_that_it_does_not_know() {
    let (network, calls) = (Network::new(), Calls::default());
    let mut running = nodes(&network, &[0, 1]).await;
    let listener = network.listen("10.0.0.9:80").unwrap();
    let http = HttpOptions::default().connector(network.connector("10.0.0.9:80"));
    let asking = Node::builder("http://10.0.0.9:80").include_self(false);
    let asking = asking.peers(urls()).http(http).listener(listener);
    let asking = asking.start().await.unwrap();
    let groups: Vec<_> = running.iter().map(|node| build(node, &calls)).collect();
    let group = build(&asking, &calls);
    load_all(&group).await;
    sleep(AFTER_THE_WINDOW).await;
    let leaver = running.pop().unwrap();
    leaver.leave().await;
    sleep(AFTER_THE_WINDOW * 2).await;
    assert_eq!(asking.peers().len(), 2, "an exchange has told it");
    leaver.shutdown().await;
    drop((leaver, groups));
    sleep(MOMENT).await;
    running.push(nodes(&network, &[1]).await.remove(0));
    sleep(AFTER_THE_WINDOW * 2).await;
    assert_eq!(asking.peers().len(), 3, "the next one has too");
}

#[tokio::test(start_paused = true)]
async fn a_leave_that_is_broken_off_goes_on_when_it_is_called_again() {
    let (network, calls) = (Network::new(), Calls::default());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let groups: Vec<_> = nodes.iter().map(|node| build(node, &calls)).collect();
    load_all(&groups[0]).await;
    network.partition(HOSTS[1], HOSTS[2]);
    let patience = Duration::from_millis(500);
    assert!(timeout(patience, nodes[2].leave()).await.is_err());
    network.heal();
    sleep(MOMENT).await;
    nodes[2].leave().await;
    for node in &nodes {
        assert_eq!(node.peers().len(), 2);
    }
    assert_eq!(loads(&[&groups[0], &groups[1]], &calls).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_was_set_has_its_copy_on_standby_too() {
    let (network, calls) = (Network::new(), Calls::default());
    let nodes = nodes(&network, &[0, 1, 2]).await;
    let on_standby = |node: &Node| build_on_standby(node, &calls);
    let groups: Vec<_> = nodes.iter().map(on_standby).collect();
    for number in 0..KEYS {
        groups[number % 3].set(key(number), "set").await.unwrap();
    }
    sleep(2 * MOMENT).await;
    let held = groups.iter().map(|group| group.stats().entries);
    assert_eq!(held.sum::<u64>(), 2 * KEYS as u64);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_fits_into_no_answer_with_others_goes_over_too() {
    const LARGE: usize = 9 << 20;
    let network = Network::new();
    let nodes = nodes(&network, &[0, 1]).await;
    let build = |node: &Node| {
        let large = |_: Key| async { Ok::<_, Infallible>(vec![7; LARGE]) };
        let group = node.group("g", 1 << 30, large).promoter(Never);
        group.build().unwrap()
    };
    let groups: Vec<_> = nodes.iter().map(build).collect();
    for number in 0..6 {
        groups[0].get(key(number)).await.unwrap();
    }
    nodes[1].leave().await;
    assert_eq!(groups[0].stats().entries, 6);
}

#[tokio::test(start_paused = true)]
async fn no_copy_on_standby_without_a_stand_in() {
    let node = Node::builder("http://10.0.0.1").start().await.unwrap();
    let group = node.group("g", MIB, Calls::default().echo());
    let error = group.standby(true).failovers(0).build().unwrap_err();
    assert!(error.is_configuration() && error.to_string().contains("standby"));
    let node = Node::builder("http://10.0.0.1").handoff(Duration::ZERO);
    let group = node
        .start()
        .await
        .unwrap()
        .group("g", MIB, Calls::default().echo());
    let error = group.standby(true).build().unwrap_err();
    assert!(error.to_string().contains("handoff"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_node_leaves_in_its_time_though_nobody_answers() {
    let (network, calls) = (Network::new(), Calls::default());
    let limit = Duration::from_secs(3);
    let nodes = nodes_with(&network, &[0, 1, 2], |node| node.leave_timeout(limit)).await;
    let group = build(&nodes[2], &calls);
    load_all(&group).await;
    for host in &HOSTS[..2] {
        network.partition(host, HOSTS[2]);
    }
    let begun = tokio::time::Instant::now();
    nodes[2].leave().await;
    nodes[2].leave().await;
    assert!(begun.elapsed() <= limit, "{:?}", begun.elapsed());
    assert_eq!(load_all(&group).await, 0, "its callers are served");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_to_hand_over_neither_offers_nor_takes() {
    let (network, calls) = (Network::new(), Calls::default());
    let off = |node: NodeBuilder| node.handoff(Duration::ZERO);
    let nodes = nodes_with(&network, &[0, 1, 2], off).await;
    let groups: Vec<_> = nodes.iter().map(|node| build(node, &calls)).collect();
    load_all(&groups[0]).await;
    nodes[2].shutdown().await;
    assert_eq!(nodes[0].peers().len(), 3);
    assert!(loads(&[&groups[0]], &calls).await > 50);
}
