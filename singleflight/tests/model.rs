//! Runs random interleavings of everything that callers can do, and compares the results with a
//! model.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use singleflight::{Call, Driver, Group};

#[derive(Clone, Copy, Debug)]
enum Step {
    Join {
        key: u8,
    },
    Forget {
        key: u8,
    },
    /// The work of a flight makes progress but is not done.
    Wake {
        flight: usize,
    },
    /// The work of a flight will be ready, or panic, when it is polled next.
    End {
        flight: usize,
        panics: bool,
    },
    Poll {
        call: usize,
    },
    Drop {
        call: usize,
    },
    Detach {
        call: usize,
    },
    PollDriver {
        driver: usize,
    },
    DropDriver {
        driver: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = 0..64usize;
    vec(
        prop_oneof![
            4 => (0..3u8).prop_map(|key| Step::Join { key }),
            1 => (0..3u8).prop_map(|key| Step::Forget { key }),
            1 => any.clone().prop_map(|flight| Step::Wake { flight }),
            2 => (any.clone(), prop::bool::weighted(0.2))
                .prop_map(|(flight, panics)| Step::End { flight, panics }),
            6 => any.clone().prop_map(|call| Step::Poll { call }),
            2 => any.clone().prop_map(|call| Step::Drop { call }),
            1 => any.clone().prop_map(|call| Step::Detach { call }),
            2 => any.clone().prop_map(|driver| Step::PollDriver { driver }),
            1 => any.prop_map(|driver| Step::DropDriver { driver }),
        ],
        1..120,
    )
}

#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// What the work shares with the test.
#[derive(Default)]
struct Gate {
    end: Option<End>,
    waker: Option<Waker>,
    dropped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    Panic,
    Abandoned,
}

struct Work {
    flight: usize,
    gate: Arc<Mutex<Gate>>,
}

impl Future for Work {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let mut gate = self.gate.lock().unwrap();
        gate.waker = Some(cx.waker().clone());
        match gate.end {
            None => Poll::Pending,
            Some(End::Value) => Poll::Ready(self.flight),
            Some(_) => {
                drop(gate);
                // `panic!` would print thousands of messages; `resume_unwind` prints none.
                std::panic::resume_unwind(Box::new("as told"))
            }
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut gate = self.gate.lock().unwrap();
        assert!(!gate.dropped);
        gate.dropped = true;
    }
}

/// The model of a flight.
struct Flight {
    gate: Arc<Mutex<Gate>>,
    key: u8,
    joined: usize,
    waiting: usize,
    detached: bool,
    driven: bool,
    end: Option<End>,
}

impl Flight {
    fn is_gone(&self) -> bool {
        self.end.is_some() || (self.waiting == 0 && !self.driven)
    }
}

struct Caller {
    call: Call<u8, usize>,
    flight: usize,
    first: bool,
    task: Arc<Task>,
    /// How often the caller's task had been woken when its last poll was pending.
    waits_since: Option<usize>,
}

struct Driving {
    driver: Driver<u8, usize>,
    flight: usize,
    task: Arc<Task>,
    waits_since: Option<usize>,
}

struct World {
    group: Group<u8, usize>,
    flights: Vec<Flight>,
    /// For each key, the flight that can be joined.
    index: [Option<usize>; 3],
    callers: Vec<Caller>,
    drivers: Vec<Driving>,
}

impl World {
    fn take(&mut self, step: Step) {
        match step {
            Step::Join { key } => self.join(key),
            Step::Forget { key } => {
                let was = self.index[usize::from(key)].take();
                assert_eq!(self.group.forget(&key), was.is_some());
            }
            Step::Wake { flight } => self.wake(flight, None),
            Step::End { flight, panics } => {
                self.wake(flight, Some(if panics { End::Panic } else { End::Value }));
            }
            Step::Poll { call } if !self.callers.is_empty() => self.poll(call % self.callers.len()),
            Step::Drop { call } if !self.callers.is_empty() => {
                let caller = self.callers.swap_remove(call % self.callers.len());
                drop(caller.call);
                self.count_out(caller.flight);
            }
            Step::Detach { call } if !self.callers.is_empty() => {
                let caller = call % self.callers.len();
                let caller = &mut self.callers[caller];
                let flight = &mut self.flights[caller.flight];
                let driver = caller.call.detach();
                let expected = caller.first && !flight.detached && flight.end.is_none();
                assert_eq!(driver.is_some(), expected);
                if let Some(driver) = driver {
                    flight.detached = true;
                    flight.driven = true;
                    let flight = caller.flight;
                    self.drivers.push(Driving {
                        driver,
                        flight,
                        task: Arc::default(),
                        waits_since: None,
                    });
                }
            }
            Step::PollDriver { driver } if !self.drivers.is_empty() => {
                self.poll_driver(driver % self.drivers.len());
            }
            Step::DropDriver { driver } if !self.drivers.is_empty() => {
                let driving = self.drivers.swap_remove(driver % self.drivers.len());
                drop(driving.driver);
                self.flights[driving.flight].driven = false;
                self.end(driving.flight, End::Abandoned);
            }
            _ => {}
        }
        self.check();
    }

    fn join(&mut self, key: u8) {
        let new = self.flights.len();
        let gate = Arc::new(Mutex::new(Gate::default()));
        let call = self.group.join(key, || Work {
            flight: new,
            gate: Arc::clone(&gate),
        });
        let joinable = self.index[usize::from(key)];
        assert_eq!(call.is_first(), joinable.is_none());
        let flight = joinable.unwrap_or_else(|| {
            self.index[usize::from(key)] = Some(new);
            let end = None;
            let (joined, waiting, detached, driven) = (0, 0, false, false);
            self.flights.push(Flight {
                gate,
                key,
                joined,
                waiting,
                detached,
                driven,
                end,
            });
            new
        });
        self.flights[flight].joined += 1;
        self.flights[flight].waiting += 1;
        let first = joinable.is_none();
        self.callers.push(Caller {
            call,
            flight,
            first,
            task: Arc::default(),
            waits_since: None,
        });
    }

    fn wake(&mut self, flight: usize, end: Option<End>) {
        if self.flights.is_empty() {
            return;
        }
        let flight = flight % self.flights.len();
        let mut gate = self.flights[flight].gate.lock().unwrap();
        if gate.end.is_none() {
            gate.end = end;
        }
        let waker = gate.waker.take();
        drop(gate);
        let Some(waker) = waker else { return };
        waker.wake();
        // Each caller or driver that waits and may poll the work has been woken.
        let flight_of = &self.flights[flight];
        if !flight_of.is_gone() && !flight_of.detached {
            for caller in self.callers.iter().filter(|caller| caller.flight == flight) {
                let woken = caller.task.0.load(SeqCst);
                assert!(caller.waits_since.is_none_or(|since| woken > since));
            }
        }
        for driving in self
            .drivers
            .iter()
            .filter(|driving| driving.flight == flight)
        {
            let woken = driving.task.0.load(SeqCst);
            assert!(driving.waits_since.is_none_or(|since| woken > since));
        }
    }

    fn poll(&mut self, at: usize) {
        let caller = &mut self.callers[at];
        let waker = Waker::from(Arc::clone(&caller.task));
        let polled = Pin::new(&mut caller.call).poll(&mut Context::from_waker(&waker));
        let number = caller.flight;
        let flight = &self.flights[number];
        let due = flight.gate.lock().unwrap().end.filter(|_| !flight.detached);
        let shared = flight.joined > 1;
        match (polled, flight.end.or(due)) {
            (Poll::Pending, None) => {
                caller.waits_since = Some(caller.task.0.load(SeqCst));
                return;
            }
            (Poll::Ready(Ok(outcome)), Some(End::Value)) => {
                assert_eq!((outcome.value, outcome.shared), (number, shared));
            }
            (Poll::Ready(Err(error)), Some(End::Panic)) => {
                assert_eq!(error.panic_message(), Some("as told"));
            }
            (Poll::Ready(Err(error)), Some(End::Abandoned)) => assert!(error.is_abandoned()),
            (polled, end) => panic!("{polled:?} where {end:?} was expected"),
        }
        self.callers.swap_remove(at);
        if let Some(end) = due {
            self.end(number, end);
        }
        self.count_out(number);
    }

    fn poll_driver(&mut self, at: usize) {
        let driving = &mut self.drivers[at];
        let waker = Waker::from(Arc::clone(&driving.task));
        let polled = Pin::new(&mut driving.driver).poll(&mut Context::from_waker(&waker));
        let end = self.flights[driving.flight].gate.lock().unwrap().end;
        assert_eq!(polled.is_ready(), end.is_some());
        match end {
            None => driving.waits_since = Some(driving.task.0.load(SeqCst)),
            Some(end) => {
                let driving = self.drivers.swap_remove(at);
                self.flights[driving.flight].driven = false;
                self.end(driving.flight, end);
            }
        }
    }

    /// Notes that the flight is over: the key is free, and all waiting callers have been woken.
    fn end(&mut self, number: usize, end: End) {
        let flight = &mut self.flights[number];
        if flight.end.is_some() {
            return;
        }
        flight.end = Some(end);
        self.free(number);
        for caller in self.callers.iter().filter(|caller| caller.flight == number) {
            let woken = caller.task.0.load(SeqCst);
            assert!(caller.waits_since.is_none_or(|since| woken > since));
        }
    }

    fn count_out(&mut self, number: usize) {
        self.flights[number].waiting -= 1;
        if self.flights[number].is_gone() {
            self.free(number);
        }
    }

    fn free(&mut self, number: usize) {
        let joinable = &mut self.index[usize::from(self.flights[number].key)];
        if *joinable == Some(number) {
            *joinable = None;
        }
    }

    fn check(&self) {
        assert_eq!(self.group.len(), self.index.iter().flatten().count());
        for key in 0..3 {
            assert_eq!(
                self.group.contains(&key),
                self.index[usize::from(key)].is_some()
            );
        }
        for flight in &self.flights {
            assert_eq!(flight.gate.lock().unwrap().dropped, flight.is_gone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_interleaving_ends_as_the_model_says(steps in steps()) {
        let mut world = World {
            group: Group::new(),
            flights: Vec::new(),
            index: [None; 3],
            callers: Vec::new(),
            drivers: Vec::new(),
        };
        for step in steps {
            world.take(step);
        }
        drop((world.callers, world.drivers));
        assert!(world.group.is_empty());
        assert!(world.flights.iter().all(|flight| flight.gate.lock().unwrap().dropped));
    }
}
