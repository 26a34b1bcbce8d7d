use super::super::{Kept, changed, served};
use super::*;

const DAY: i64 = 86_400;
const BEGIN: i64 = 1_800_000_000;

/// A world of one Secret, one webhook configuration and a clock.
struct World {
    now: i64,
    kept: Option<Kept>,
    published: Published,
    names: Vec<String>,
    terms: Terms,
    steps: Vec<(i64, Step)>,
}

impl World {
    fn new() -> Self {
        Self {
            now: BEGIN,
            kept: None,
            published: Published::Bundles(vec![String::new(), String::new()]),
            names: vec!["lumen-webhook.lumen-system.svc".to_owned()],
            terms: Terms::default(),
            steps: Vec::new(),
        }
    }

    /// Takes one step; when the next is due.
    fn step(&mut self) -> i64 {
        let step = plan(self.now, self.kept.as_ref(), &self.published, &self.names, &self.terms);
        match step {
            Step::Wait(until) => return until,
            Step::Publish => {
                let bundle = self.kept.as_ref().expect("something is kept").authorities.clone();
                self.published = Published::Bundles(vec![bundle.clone(), bundle]);
            }
            step => {
                let kept = self.kept.take().unwrap_or_default();
                self.kept =
                    Some(changed(step, self.now, kept, &self.names, &self.terms).expect("it is done"));
            }
        }
        self.steps.push((self.now - BEGIN, step));
        self.now
    }

    /// Lives on to a day, and says what was done since it was asked last.
    fn until(&mut self, day: i64) -> Vec<Step> {
        self.steps.clear();
        loop {
            let next = self.step();
            if next > BEGIN + day * DAY {
                self.now = BEGIN + day * DAY;
                return self.steps.iter().map(|(_, step)| *step).collect();
            }
            self.now = self.now.max(next);
        }
    }

    fn is_trusted(&self) -> Result<(), String> {
        let kept = self.kept.as_ref().expect("something is kept");
        let chain = Certificate::all_of_pem(kept.certificate.as_bytes()).expect("a certificate");
        let Published::Bundles(bundles) = &self.published else { return Err("nowhere".to_owned()) };
        let roots = Certificate::all_of_pem(bundles[0].as_bytes()).map_err(|error| error.to_string())?;
        served(&chain, &roots, &self.names[0], self.now)
    }
}

#[test]
fn a_whole_life() {
    use Step::{AddAuthority, DropAuthorities, Issue, Make, Note, Publish};
    let mut world = World::new();
    for (day, steps) in [
        (1, vec![Make, Publish, Note]),
        // The serving certificate is renewed when a third is left: nobody's trust changes.
        (59, vec![]),
        (61, vec![Issue]),
        (121, vec![Issue]),
    ] {
        assert_eq!(world.until(day), steps, "day {day}");
        assert_eq!(world.is_trusted(), Ok(()), "day {day}");
    }
    world.until(1_735);
    // What it signed now would outlive the authority: a new one is told of, waited for, and signs; the old one goes a day after.
    assert_eq!(world.until(1_737), [AddAuthority, Publish, Note, Issue]);
    let times: Vec<i64> = world.steps.iter().map(|(time, _)| *time).collect();
    assert!(times[3] - times[2] >= world.terms.propagation, "{times:?}");
    assert_eq!(world.until(1_738), [DropAuthorities, Publish]);
    assert_eq!(world.is_trusted(), Ok(()));
}

#[test]
fn at_no_moment_is_what_is_shown_not_trusted() {
    let mut world = World::new();
    while world.is_trusted_after_first_steps() {
        let next = world.step();
        world.now = world.now.max(next);
        if world.now > BEGIN + 6_000 * DAY {
            return;
        }
    }
    panic!("at {:?}: {:?}", world.steps.last(), world.is_trusted());
}

impl World {
    fn is_trusted_after_first_steps(&self) -> bool {
        self.steps.len() < 2 || self.is_trusted().is_ok()
    }
}

#[test]
fn what_is_broken_is_mended() {
    use Step::{AddAuthority, Issue, Make, Note, Publish, Wait};
    let mut world = World::new();
    world.until(1);
    let whole = world.kept.clone().expect("something is kept");
    let other = changed(Make, BEGIN, Kept::default(), &world.names, &world.terms).expect("another");
    let table: [(&str, Kept, &[Step]); 6] = [
        ("nothing in it", Kept::default(), &[Make, Publish, Note]),
        ("a key that is not the certificate's", Kept { key: other.key.clone(), ..whole.clone() }, &[Issue]),
        ("no certificate", Kept { certificate: "x".into(), ..whole.clone() }, &[Issue]),
        (
            "an authority without its key",
            Kept { authority_key: String::new(), ..whole.clone() },
            &[AddAuthority, Publish, Note, Issue],
        ),
        (
            "a certificate of another authority",
            Kept { certificate: other.certificate, key: other.key, ..whole.clone() },
            &[Issue],
        ),
        ("nothing noted", Kept { noted: None, ..whole.clone() }, &[Note]),
    ];
    for (what, kept, steps) in table {
        let mut world = World { kept: Some(kept), ..World::new() };
        world.published = Published::Bundles(vec![whole.authorities.clone()]);
        assert_eq!(world.until(1), steps, "{what}");
        assert_eq!(world.is_trusted(), Ok(()), "{what}");
    }
    // Somebody takes the bundle away.
    world.published = Published::Bundles(vec![whole.authorities.clone(), String::new()]);
    assert_eq!(plan(world.now, Some(&whole), &world.published, &world.names, &world.terms), Publish);
    // Without a webhook configuration nobody trusts anything, and there is nothing to do.
    let step = plan(world.now, Some(&whole), &Published::Nowhere, &world.names, &world.terms);
    assert!(matches!(step, Wait(_)), "{step:?}");
    // Another name is asked for.
    let names = ["10.0.0.1".to_owned()];
    assert_eq!(plan(world.now, Some(&whole), &world.published.clone(), &names, &world.terms), Publish);
}

#[test]
fn a_cluster_that_slept_for_years_mends_itself_at_once() {
    use Step::{AddAuthority, Issue, Note, Publish};
    let mut world = World::new();
    world.until(1);
    world.now = BEGIN + 4_000 * DAY;
    assert!(world.is_trusted().is_err());
    assert_eq!(world.until(4_000), [AddAuthority, Publish, Note, Issue]);
    assert_eq!(world.is_trusted(), Ok(()));
}

#[test]
fn a_clock_that_is_a_little_behind_trusts_it_and_changes_nothing() {
    let mut world = World::new();
    world.until(0);
    world.now = BEGIN - 3_000;
    assert_eq!(world.is_trusted(), Ok(()));
    let step = plan(world.now, world.kept.as_ref(), &world.published, &world.names, &world.terms);
    assert!(matches!(step, Step::Wait(_)), "{step:?}");
}

#[test]
fn what_is_not_yet_valid_is_replaced_at_once() {
    use Step::{AddAuthority, Issue, Note, Publish};
    let mut world = World::new();
    world.until(0);
    // Whoever made it took the time to be ten days later.
    world.now = BEGIN - 10 * DAY;
    assert!(world.is_trusted().is_err());
    assert_eq!(world.until(-10), [AddAuthority, Publish, Note, Issue]);
    assert_eq!(world.is_trusted(), Ok(()));
    // What was not valid is not kept.
    let kept = world.kept.clone().expect("something is kept");
    assert_eq!(Certificate::all_of_pem(kept.authorities.as_bytes()).expect("authorities").len(), 1);
    // The authority was sound, and the certificate alone was made too late.
    let late =
        changed(Issue, BEGIN + 30 * DAY, kept, &world.names, &world.terms).expect("another certificate");
    world.kept = Some(late);
    assert!(world.is_trusted().is_err());
    assert_eq!(world.until(-10), [Issue]);
    assert_eq!(world.is_trusted(), Ok(()));
}

#[test]
fn replicas_whose_clocks_differ_by_less_than_a_third_of_a_life_do_not_replace_each_other() {
    for ahead in [1, 600, 3_000, DAY, 25 * DAY] {
        let mut world = World::new();
        // The one that is ahead comes first.
        world.now = BEGIN + ahead;
        let mut steps = 0;
        for round in 0..40 {
            world.now = BEGIN + if round % 2 == 0 { ahead } else { 0 };
            world.steps.clear();
            while !matches!(
                plan(world.now, world.kept.as_ref(), &world.published, &world.names, &world.terms),
                Step::Wait(_)
            ) {
                world.step();
            }
            // The first two rounds settle it.
            if round >= 2 {
                steps += world.steps.len();
            }
        }
        assert_eq!(steps, 0, "{ahead} seconds");
        world.now = BEGIN;
        assert_eq!(world.is_trusted(), Ok(()), "{ahead} seconds");
    }
}

#[test]
fn authorities_do_not_pile_up() {
    let mut world = World::new();
    world.until(1);
    for _ in 0..10 {
        let kept = world.kept.take().expect("something is kept");
        world.kept = Some(Kept { authority_key: String::new(), ..kept });
        world.step();
    }
    let kept = world.kept.as_ref().expect("something is kept");
    assert_eq!(Certificate::all_of_pem(kept.authorities.as_bytes()).expect("authorities").len(), 4);
    // The one that signed what is shown is among them.
    world.published = Published::Bundles(vec![kept.authorities.clone()]);
    assert_eq!(world.is_trusted(), Ok(()));
}
