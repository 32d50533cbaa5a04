//! x
use singleflight::Group;
#[tokio::test]
async fn one() {
    let g: Group<String, u32> = Group::new();
    let a = g.join_ref("a", || async { tokio::task::yield_now().await; 7 });
    let b = g.join("a".into(), || async { 8 });
    assert!(g.contains("a"));
    let (a, b) = tokio::join!(a, b);
    assert_eq!((a.unwrap().value, b.unwrap().value), (7, 7));
    assert!(g.is_empty());
    let mut c = g.join_ref("a", || async { tokio::task::yield_now().await; 9 });
    let d = c.detach().unwrap();
    tokio::spawn(d);
    assert!(!c.await.unwrap().shared);
    assert!(g.join_ref("x", || async { panic!("no") }).await.unwrap_err().is_panic());
    assert!(g.join_ref("x", || -> std::future::Ready<u32> { panic!("no {}", 1) }).await.unwrap_err().is_panic());
}
