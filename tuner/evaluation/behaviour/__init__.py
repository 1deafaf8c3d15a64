"""Behaviour tests in the manner of CheckList: what a classifier should do, whatever its accuracy.

M. T. Ribeiro, T. Wu, C. Guestrin, S. Singh: Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, ACL 2020.
Three kinds: MFT, a text with a known answer; INV, a change that must not move the answer; DIR, a change that may move it one
way only. Sentences and word lists are our own, in `tests.yaml`.
"""

from tuner.evaluation.behaviour.running import SHIPPED, BehaviourResult, Failure, run_behaviour
from tuner.evaluation.behaviour.suite import Suite, load_tests

__all__ = ["SHIPPED", "BehaviourResult", "Failure", "Suite", "load_tests", "run_behaviour"]
