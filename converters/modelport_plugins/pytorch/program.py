"""Loads and calls ExportedPrograms, after ``program_guard`` has looked at the archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelport_plugins.pytorch.port import named
from modelport_plugins.pytorch.program_guard import check_program
from modelport_sdk import CorruptModel, first_line


def load_program(path: Path) -> Any:
    """Return the ExportedProgram of an archive that was found to run no code.

    Raises:
        UnsafeModel: It would run code.
        CorruptModel: PyTorch cannot read it.
    """
    check_program(path)
    import torch

    try:
        program = torch.export.load(str(path))
    except Exception as exc:  # the deserialiser raises whatever its dictionaries do
        raise CorruptModel(f"PyTorch cannot read it: {first_line(exc)}") from exc
    # Guards are Python text that ep.module() would compile; shapes are checked by the operators.
    program._guards_code = []  # noqa: SLF001  # no public way to drop them
    return program


def user_inputs(program: Any) -> list[tuple[str, Any]]:
    """Return ``(name, constant)`` a user input in order; constant is None for tensors."""
    from torch.export.graph_signature import ConstantArgument, InputKind

    found = []
    for spec in program.graph_signature.input_specs:
        if spec.kind == InputKind.USER_INPUT:
            fixed = isinstance(spec.arg, ConstantArgument)
            found.append((spec.arg.name, (spec.arg.value,) if fixed else None))
    return found


def module_of(program: Any) -> Any:
    """Return the program as a module that checks no guards."""
    return program.module(check_guards=False)


def call_program(program: Any, module: Any = None) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function from tensors by name to whatever the program returns."""
    from torch.utils import _pytree

    module = module_of(program) if module is None else module
    names = user_inputs(program)
    spec = program.call_spec.in_spec

    def call(tensors: Mapping[str, Any]) -> Any:
        flat = [tensors[name] if fixed is None else fixed[0] for name, fixed in names]
        if spec is None:
            return module(*flat)
        args, kwargs = _pytree.tree_unflatten(flat, spec)
        return module(*args, **kwargs)

    return call


def output_leaves(program: Any) -> dict[str, Any]:
    """Return each output's graph name, or constant, under the name that a run gives it."""
    import torch
    from torch.utils import _pytree

    leaves = list(program.graph_signature.user_outputs)
    # named() keeps tensors only, so a numbered tensor stands in for everything but None.
    stand_ins = [None if leaf is None else torch.tensor(i) for i, leaf in enumerate(leaves)]
    spec = program.call_spec.out_spec
    tree = stand_ins if spec is None else _pytree.tree_unflatten(stand_ins, spec)
    return {name: leaves[int(place)] for name, place in named(tree).items()}


def output_names(program: Any) -> list[str]:
    """Return the names of the outputs in order."""
    return list(output_leaves(program))
