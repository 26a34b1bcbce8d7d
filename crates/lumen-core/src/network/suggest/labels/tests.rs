use proptest::prelude::*;
use proptest::sample::select;

use super::super::tests::{model, pods};
use super::*;

/// The values of the keys that workloads have, in the order in which keys are taken.
const KEYS: [&str; 4] = ["app", "component", "tier", "version"];

type Pods = Vec<[Option<&'static str>; 4]>;

fn labelled() -> impl Strategy<Value = Pods> {
    let value = || select(vec![None, Some("x"), Some("w"), Some("z")]);
    prop::collection::vec([value(), value(), value(), value()], 1..7)
}

/// Who has a value of a key, and who one of some values.
fn having(pods: &Pods, key: usize, values: &BTreeSet<&str>) -> BTreeSet<usize> {
    let has = |pod: &[Option<&str>; 4]| pod[key].is_some_and(|value| values.contains(value));
    pods.iter().enumerate().filter(|(_, pod)| has(pod)).map(|(index, _)| index).collect()
}

/// The selector of exactly some pods, found by trying all in their order.
fn plain(pods: &Pods, wanted: &BTreeSet<usize>) -> Option<PodSelector> {
    if wanted.len() > 1 && wanted.len() == pods.len() {
        return Some(PodSelector::All);
    }
    // The last key changes with releases.
    let keys = || KEYS.iter().enumerate().take(3);
    for (key, name) in keys() {
        for value in ["w", "x", "z"] {
            if having(pods, key, &BTreeSet::from([value])) == *wanted {
                return Some(PodSelector::Labels(vec![((*name).into(), value.into())]));
            }
        }
    }
    for (key, name) in keys() {
        let values: BTreeSet<&str> = wanted.iter().filter_map(|pod| pods[*pod][key]).collect();
        if having(pods, key, &values) == *wanted {
            return Some(PodSelector::In((*name).into(), values.iter().map(ToString::to_string).collect()));
        }
    }
    let mut selected: BTreeSet<usize> = (0..pods.len()).collect();
    let mut labels = Vec::new();
    for (key, name) in keys() {
        for value in ["w", "x", "z"] {
            let all = having(pods, key, &BTreeSet::from([value]));
            if wanted.is_subset(&all) && !selected.is_subset(&all) {
                labels.push(((*name).into(), value.into()));
                selected.retain(|pod| all.contains(pod));
            }
        }
    }
    (selected == *wanted && !labels.is_empty()).then_some(PodSelector::Labels(labels))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_selector_is_the_first_that_means_exactly_the_pods(all in labelled(), chosen in any::<u8>()) {
        let texts: Vec<(String, String)> = all.iter().enumerate().map(|(index, values)| {
            let labels = KEYS.iter().zip(values).filter_map(|(key, value)| Some(format!("{key}: {}", (*value)?)));
            (format!("p{index}"), labels.collect::<Vec<_>>().join(", "))
        }).collect();
        let given: Vec<_> = texts.iter().map(|(name, labels)| ("shop", &**name, &**labels, 80)).collect();
        let model = model(&pods(&given));
        let wanted: BTreeSet<usize> = (0..all.len()).filter(|index| chosen >> index & 1 == 1).collect();
        prop_assume!(!wanted.is_empty());
        let ids: BTreeSet<WorkloadId> = model.iter().map(|(id, _)| id).filter(|id| wanted.contains(&id.index())).collect();
        let labels = Labels::of(&model);
        prop_assert_eq!(labels.namespaces["shop"].exactly(&ids), plain(&all, &wanted));
    }
}
