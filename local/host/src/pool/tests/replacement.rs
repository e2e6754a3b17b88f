//! What becomes of environments whose code is replaced.

use super::*;

#[test]
fn replaced_code_leaves_its_place_at_once_and_finishes_what_it_holds() {
    let mut rig = Rig::busy(1, 1);
    assert_eq!(rig.give(Input::CodeReplaced), []);
    assert_eq!(rig.arrive(2), [start(2)]);
    assert_eq!(rig.poll(2), [dispatch(2, 2)]);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.poll(1), [stop(1)]);
    assert_eq!(rig.exit(1), []);
    assert_eq!(rig.answer(2, 2), [Action::AcceptAnswer]);
    assert_eq!(rig.arrive(3), []);
    assert_eq!(rig.poll(2), [dispatch(2, 3)]);
}

#[test]
fn replaced_code_that_has_nothing_to_do_ends_at_once() {
    let mut rig = Rig::busy(2, 1);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.poll(1), []);
    assert_eq!(rig.give(Input::CodeReplaced), [stop(1)]);
    let mut starting = Rig::new(2, 1);
    assert_eq!(starting.arrive(1), [start(1)]);
    assert_eq!(starting.give(Input::CodeReplaced), [kill(1), start(2)]);
    assert_eq!(starting.exit(1), []);
    assert_eq!(starting.poll(2), [dispatch(2, 1)]);
}

#[test]
fn new_code_need_not_wait_because_the_old_did_not_start() {
    let mut rig = Rig::new(1, 1);
    assert_eq!(rig.arrive(1), [start(1)]);
    assert_eq!(rig.exit(1), [init_exited(1), start(2)]);
    assert_eq!(rig.exit(2), [second_exited(2), fail(1, exited())]);
    assert_eq!(rig.arrive(2), []);
    assert_eq!(rig.give(Input::CodeReplaced), [start(3)]);
}

#[test]
fn code_that_is_replaced_again_and_again_does_not_pile_up() {
    let mut rig = Rig::busy(1, 1);
    rig.give(Input::CodeReplaced);
    assert_eq!(rig.arrive(2), [start(2)]);
    assert_eq!(rig.poll(2), [dispatch(2, 2)]);
    rig.give(Input::CodeReplaced);
    assert_eq!(rig.arrive(3), []);
    assert_eq!(rig.exit(1), [fail(1, exited()), start(3)]);
}
