//! Gets of several keys in one exchange, and what is done where there is none.

mod support;

use std::sync::Arc;

use peers::testing::{FakePeer, Network};
use peers::{
    CircuitOptions, Error, GetManyRequest, GetMode, GetRequest, HttpOptions, HttpTransport, Member,
    NodeState, Peer, Protocol, Reply, Router,
};
use support::{CLIENT, Raw, SERVER, answer, dial, serve, value};

fn request<'a>(keys: &'a [&'a [u8]]) -> GetManyRequest<'a> {
    GetManyRequest {
        group: "g",
        keys,
        mode: GetMode::Load,
        known: &[],
    }
}

/// A script in which a key says what becomes of it.
fn by_key(request: GetRequest<'_>) -> Result<Reply, Error> {
    match request.key {
        b"absent" => Err(Error::not_found("nothing there")),
        b"broken" => Err(Error::getter("no disk")),
        b"large" => Ok(value(&[7; 600])),
        b"hot" => Ok(Reply {
            minute_qps: Some(90.0),
            state: Some(NodeState { origin: 7, made: 8 }),
            ..value(b"hot")
        }),
        key => Ok(value(key)),
    }
}

/// The server as a peer of a router.
fn peer(network: &Network, protocol: Protocol, options: HttpOptions) -> Peer {
    let options = options.connector(network.connector(CLIENT));
    let transport = Arc::new(HttpTransport::new(protocol, options).unwrap());
    let this = Member::new(format!("http://{CLIENT}")).unwrap();
    let server = Member::new(format!("http://{SERVER}")).unwrap();
    let circuit = CircuitOptions::default();
    let router = Router::new(this.clone(), protocol.scheme(), transport, circuit);
    router.set_members(vec![this, server]).unwrap();
    let routes = router.snapshot();
    routes
        .peers()
        .iter()
        .find(|peer| !peer.is_self())
        .unwrap()
        .clone()
}

fn asked(peer: &FakePeer) -> usize {
    peer.asked().len()
}

#[tokio::test(start_paused = true)]
async fn one_exchange_has_an_outcome_for_each_key() {
    let network = Network::new();
    let options = HttpOptions::default;
    let (_server, node) = serve(&network, Protocol::Native, options(), FakePeer::new(by_key));
    let client = dial(&network, Protocol::Native, options());
    let keys: [&[u8]; 5] = [b"one", b"absent", b"\xff/ %", b"broken", b"hot"];
    let reply = client.get_many(request(&keys)).await.unwrap();
    assert_eq!(reply.state, Some(NodeState { origin: 7, made: 8 }));
    let outcomes: Vec<_> = reply.answers.into_iter().map(Option::unwrap).collect();
    assert_eq!(outcomes[0].as_ref().unwrap().value, "one");
    let absent = outcomes[1].as_ref().unwrap_err();
    assert!(absent.is_not_found() && absent.answer_message() == Some("nothing there"));
    assert_eq!(outcomes[2].as_ref().unwrap().value, *keys[2]);
    let broken = outcomes[3].as_ref().unwrap_err();
    assert!(broken.is_getter() && broken.answer_message() == Some("no disk"));
    assert_eq!(outcomes[4].as_ref().unwrap().minute_qps, Some(90.0));
    assert_eq!(asked(&node), 5);

    let request = GetManyRequest {
        mode: GetMode::Peek,
        ..request(&keys[..1])
    };
    client.get_many(request).await.unwrap();
    assert_eq!(node.asked()[5].mode, GetMode::Peek);
}

#[tokio::test(start_paused = true)]
async fn the_server_answers_no_more_keys_than_it_may() {
    let network = Network::new();
    let options = HttpOptions::default;
    let (_server, node) = serve(&network, Protocol::Native, options(), FakePeer::new(by_key));
    let client = dial(&network, Protocol::Native, options());
    let most = vec![b"k".as_slice(); GetManyRequest::MAX_KEYS + 1];
    let reply = client.get_many(request(&most[1..])).await.unwrap();
    assert_eq!(reply.answers.len(), GetManyRequest::MAX_KEYS);
    let before = asked(&node);
    let error = client.get_many(request(&most)).await.unwrap_err();
    assert!(error.is_too_large() && error.is_of_this_side(), "{error}");

    let long = vec![b'k'; 4 << 10];
    let most = vec![&*long; GetManyRequest::MAX_BYTES / long.len() + 1];
    assert!(client.get_many(request(&most[1..])).await.is_ok());
    let error = client.get_many(request(&most)).await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
    assert_eq!(asked(&node), before + most.len() - 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_too_long_for_either_side_is_an_error_of_its_own() {
    for (ours, theirs) in [(8, 100), (100, 8)] {
        let network = Network::new();
        let options = |bytes| HttpOptions::default().max_key_bytes(bytes);
        let node = FakePeer::new(by_key);
        let (_server, node) = serve(&network, Protocol::Native, options(theirs), node);
        let client = dial(&network, Protocol::Native, options(ours));
        let keys: [&[u8]; 4] = [b"one", b"much too long", b"two", b"much too long"];
        let reply = client.get_many(request(&keys)).await.unwrap();
        for (key, answer) in keys.iter().zip(reply.answers) {
            match answer.unwrap() {
                Ok(reply) => assert_eq!(reply.value, **key),
                Err(error) => assert!(error.is_too_large() && key.len() > 8, "{error}"),
            }
        }
        assert_eq!(asked(&node), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_do_not_fit_are_left_out() {
    let network = Network::new();
    let options = || HttpOptions::default().max_value_bytes(1000);
    let (_server, node) = serve(&network, Protocol::Native, options(), FakePeer::new(by_key));
    let client = dial(&network, Protocol::Native, options());
    let keys: [&[u8]; 4] = [b"large", b"small", b"large", b"small"];
    let reply = client.get_many(request(&keys)).await.unwrap();
    let is_there: Vec<_> = reply.answers.iter().map(Option::is_some).collect();
    assert_eq!(is_there, [true, true, false, true]);

    assert_eq!(asked(&node), 4);
}

#[tokio::test(start_paused = true)]
async fn protocols_without_the_message_say_so_and_ask_nothing() {
    for &protocol in Protocol::ALL {
        if protocol == Protocol::GalaxycacheGrpc {
            continue; // not over this network's HTTP/1.1 server
        }
        let network = Network::new();
        let options = HttpOptions::default;
        let (_server, node) = serve(&network, protocol, options(), FakePeer::new(by_key));
        let client = dial(&network, protocol, options());
        let keys: [&[u8]; 3] = [b"one", b"two", b"three"];
        match client.get_many(request(&keys)).await {
            Ok(_) => assert_eq!(protocol, Protocol::Native),
            Err(error) => assert!(error.is_unsupported() && asked(&node) == 0, "{protocol}"),
        }
        let before = asked(&node);
        let peer = peer(&network, protocol, options());
        let answers = peer.get_many(request(&keys)).await.unwrap();
        assert_eq!(answers.len(), 3);
        let is_native = protocol == Protocol::Native;
        assert!(answers.iter().all(|answer| answer.is_some() == is_native));
        assert_eq!(asked(&node), before + if is_native { 3 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_exchange_is_one_error_and_is_reported_to_the_circuit() {
    let network = Network::new();
    let peer = peer(&network, Protocol::Native, HttpOptions::default());
    let keys: [&[u8]; 2] = [b"one", b"two"];
    let error = peer.get_many(request(&keys)).await.unwrap_err();
    assert!(error.is_transport(), "{error}");
    while !peer.circuit().unwrap().is_open() {
        peer.get_many(request(&keys)).await.unwrap_err();
    }
    let error = peer.get_many(request(&keys)).await.unwrap_err();
    assert!(error.is_circuit_open(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_the_node_lacks_is_an_error_of_all_keys() {
    let network = Network::new();
    let options = HttpOptions::default;
    let node = FakePeer::new(|request| Err(Error::no_such_group(request.group)));
    let (_server, _node) = serve(&network, Protocol::Native, options(), node);
    let client = dial(&network, Protocol::Native, options());
    let keys: [&[u8]; 1] = [b"one"];
    let reply = client.get_many(request(&keys)).await.unwrap();
    let error = reply.answers[0].as_ref().unwrap().as_ref().unwrap_err();
    assert!(error.is_no_such_group());
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_none_is_malformed() {
    for body in [
        b"\x1a\x00".as_slice(),
        b"\x1a\x00\x1a\x00\x1a\x00",
        b"nonsense",
        b"",
    ] {
        let network = Network::new();
        let mut listener = network.listen(SERVER).unwrap();
        let options = HttpOptions::default().multiplexing(false);
        let client = dial(&network, Protocol::Native, options);
        let keys: [&[u8]; 2] = [b"one", b"two"];
        let server = async {
            let mut raw = Raw::accept(&mut listener).await;
            let asked = raw.receive().await.unwrap();
            assert!(
                asked.line.starts_with("POST /_groupcache/g/_get%2Dmany/ ")
                    || asked.line.starts_with("POST /_groupcache/g/_get-many/ "),
                "{}",
                asked.line
            );
            assert_eq!(asked.body, b"\x12\x03one\x12\x03two");
            raw.send(answer(body)).await;
        };
        let (reply, ()) = tokio::join!(client.get_many(request(&keys)), server);
        let error = reply.unwrap_err();
        assert!(error.is_transport(), "{error}");
    }
}
