"""A model.py is run only if every word of it is one that modelport writes."""

from __future__ import annotations

import pytest

from modelport_plugins.oneflow.module.guard import ports
from modelport_plugins.oneflow.module.template import render
from modelport_sdk import CorruptModel, UnsafeModel

PORTS = {
    "inputs": [("x/0", "x_0", "float32", [1, 3])],
    "outputs": [("y", "y", "float32", [1, 3])],
}


def text(*body: str, init: str = "self.fc = nn.Linear(3, 3, bias=True)") -> str:
    return render(PORTS, [init], [*body])


def test_what_was_written_is_let_through() -> None:
    assert ports(text("y = T.relu(self.fc(x_0)).reshape((x_0.shape[0], 3))")) == PORTS


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "y = os.system('true')",
        "y = __import__('os')",
        "y = T.load('/etc/passwd')",
        "y = nn.Module.__subclasses__()",
        "y = x_0.numpy().tofile('a')",
        "y = self.__class__",
        "y = eval('1')",
        "y = [a for a in x_0]",
        "y = (lambda: 1)()",
        "y = x_0 if x_0 else x_0",
        "y = F.os",
        "y = sys.modules",
        "del x_0",
        "y = super().forward(x_0)",
        "y = f'{x_0}'",
    ],
)
def test_anything_else_is_unsafe(line: str) -> None:
    with pytest.raises(UnsafeModel):
        ports(text(line))


def test_another_head_is_unsafe() -> None:
    with pytest.raises(UnsafeModel, match="head"):
        ports("import os\n" + text("y = x_0"))


def test_more_behind_the_class_is_unsafe() -> None:
    with pytest.raises(UnsafeModel, match="other parts"):
        ports(text("y = x_0") + "Model()\n")


def test_what_is_no_python_is_corrupt() -> None:
    with pytest.raises(CorruptModel):
        ports(text("y = ("))
