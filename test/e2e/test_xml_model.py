"""The store is what the acknowledged commands say: hundreds of random ones, played on a service
and on a model."""

import pytest

from harness import LONG
from model import Player, compare

STEPS = 3000 if LONG else 600


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_commands(balancer, seed):
    """Each answer is the model's; then every list, row and file, and again after restarts in
    between and at the end, in peace and by kill -9."""
    pb = balancer()
    player = Player(pb, seed)
    for i in range(STEPS):
        player.step()
        if i % 100 == 99:
            compare(pb, player.model)
        if i == STEPS // 2:
            pb.kill()
            pb.start()
            compare(pb, player.model)
    assert pb.stop() == 0
    pb.start()
    compare(pb, player.model)
    assert pb.crashes() == []
    outcomes = {status for _, status in player.done}
    assert outcomes == {200, 400, 404, 409}
    missing = {"addnewemail", "commitmodifyemail", "deleteemail", "addnewalias",
               "commitmodifyalias",
               "deletealias", "moveemail", "setblockip", "addcluster", "commitmodifycluster",
               "addbox",
               "commitmodifybox", "deletebox", "green", "commitmodifyinfo", "reread",
               "importconfig"} - \
        {c for c, status in player.done if status == 200}
    assert not missing
