use peers::{HttpOptions, HttpTransport, Member, Protocol, Transport as _};

/// Reads a member. One that is accepted reads back, and can be dialled by every protocol.
pub fn member(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let member: Member = match text.parse() {
        Ok(member) => member,
        Err(error) => {
            let _: peers::Error = error;
            return;
        }
    };
    assert_eq!(member.to_string().parse::<Member>().unwrap(), member);
    for protocol in Protocol::ALL {
        let named = protocol.named(member.clone());
        assert_eq!(named.url(), member.url());
        assert!(!named.id().is_empty());
        let transport = HttpTransport::new(*protocol, HttpOptions::default()).unwrap();
        let dialled = transport.dial(&named);
        assert_eq!(
            dialled.is_ok(),
            named.url().starts_with("http://"),
            "{named}"
        );
    }
}
