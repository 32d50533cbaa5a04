//! Doubly linked lists through arrays. Objects are dense numbers, and each is in one list at most. So flat arrays hold
//! the links and weights of all objects, and a policy consists of a few lists and marks.

const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Link {
    newer: u32,
    older: u32,
}

/// The links and weights of all objects.
pub(super) struct Links {
    links: Vec<Link>,
    weights: Vec<u64>,
}

/// One list: its newest and oldest members and what they weigh.
pub(super) struct List {
    newest: u32,
    oldest: u32,
    pub(super) len: usize,
    pub(super) weight: u64,
}

impl List {
    pub(super) fn new() -> Self {
        Self {
            newest: NIL,
            oldest: NIL,
            len: 0,
            weight: 0,
        }
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NIL).then_some(self.oldest)
    }
}

impl Links {
    pub(super) fn new(objects: usize) -> Self {
        Self {
            links: vec![
                Link {
                    newer: NIL,
                    older: NIL
                };
                objects
            ],
            weights: vec![0; objects],
        }
    }

    pub(super) fn weight(&self, id: u32) -> u64 {
        self.weights[id as usize]
    }

    /// Sets the weight of an object that is in no list.
    pub(super) fn set_weight(&mut self, id: u32, weight: u64) {
        self.weights[id as usize] = weight;
    }

    /// The neighbour that was pushed after this one.
    pub(super) fn newer(&self, id: u32) -> Option<u32> {
        let newer = self.links[id as usize].newer;
        (newer != NIL).then_some(newer)
    }

    pub(super) fn push(&mut self, list: &mut List, id: u32) {
        self.links[id as usize] = Link {
            newer: NIL,
            older: list.newest,
        };
        match list.newest {
            NIL => list.oldest = id,
            newest => self.links[newest as usize].newer = id,
        }
        list.newest = id;
        list.len += 1;
        list.weight += self.weights[id as usize];
    }

    pub(super) fn remove(&mut self, list: &mut List, id: u32) {
        let Link { newer, older } = self.links[id as usize];
        match newer {
            NIL => list.newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            NIL => list.oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
        list.len -= 1;
        list.weight -= self.weights[id as usize];
    }

    pub(super) fn pop(&mut self, list: &mut List) -> Option<u32> {
        let id = list.oldest()?;
        self.remove(list, id);
        Some(id)
    }

    /// Moves a member to the newest end.
    pub(super) fn renew(&mut self, list: &mut List, id: u32) {
        self.remove(list, id);
        self.push(list, id);
    }
}
