"""Carries out `Edits` on a libcst module, keeping comments and layout around each change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import libcst as cst
from libcst.metadata import PositionProvider

from .edits import Argument, Edits, Range


class Rewriter(cst.CSTTransformer):
    """Applies operations by position; `open` holds those whose place was not met."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, edits: Edits) -> None:
        super().__init__()
        self._edits = edits
        self.open = edits.places()

    def on_leave(self, original: cst.CSTNode, updated: Any) -> Any:
        result: Any = super().on_leave(original, updated)
        if isinstance(original, (cst.Call, cst.List, cst.Tuple)):
            result = self._without_elements(original, result)
        if isinstance(original, cst.BaseExpression):
            return self._expression(self._range(original), result)
        if isinstance(original, (cst.Module, cst.IndentedBlock)):
            return self._block(original, result)
        if isinstance(original, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            return self._line(original, result)
        return result

    def _range(self, node: cst.CSTNode) -> Range:
        if isinstance(node, cst.Tuple) and node.elements:
            ends = [self._range(e.value) for e in (node.elements[0], node.elements[-1])]
            return (*ends[0][:2], *ends[1][2:])
        found = self.get_metadata(PositionProvider, node)
        return (found.start.line, found.start.column, found.end.line, found.end.column)

    # Expressions

    def _expression(self, where: Range, node: cst.BaseExpression) -> cst.BaseExpression:
        for argument in self._edits.arguments.get(where, ()):
            if isinstance(node, cst.Call):
                self.open.discard(where)
                node = set_argument(node, argument)
        if where in self._edits.replaced:
            self.open.discard(where)
            return expression(self._edits.replaced[where])
        return node

    def _without_elements(self, original: Any, updated: Any) -> Any:
        children: Sequence[Any] = (
            original.args if isinstance(original, cst.Call) else original.elements
        )
        for index in reversed(range(len(children))):
            where = self._range(children[index].value)
            if where in self._edits.removed_elements:
                self.open.discard(where)
                updated = remove_element(updated, index)
        return updated

    # Statements

    def _block(self, original: Any, updated: Any) -> Any:
        body: list[Any] = []
        pending: list[cst.EmptyLine] = []
        for before, after in zip(original.body, updated.body, strict=True):
            lines = [after]
            if self._goes(before):
                pending.extend(after.leading_lines)
                lines = []
            elif pending:
                lines = [after.with_changes(leading_lines=[*pending, *after.leading_lines])]
                pending = []
            body.extend(self._inserted_lines(before, self._edits.inserted_before))
            body.extend(lines)
            body.extend(self._inserted_lines(before, self._edits.inserted_after))
        if not body:
            body.append(cst.SimpleStatementLine([cst.Pass()], leading_lines=pending))
        elif pending:
            updated = updated.with_changes(footer=[*pending, *updated.footer])
        return updated.with_changes(body=body)

    def _goes(self, line: Any) -> bool:
        """Whether a line holds one statement and that one is to be removed."""
        where = self._place(line, self._edits.removed_statements)
        if where is None:
            return False
        self.open.discard(where)
        return True

    def _place(self, line: Any, places: Collection[Range]) -> Range | None:
        """Which of these places a statement on lines of its own stands at."""
        if isinstance(line, cst.BaseCompoundStatement):
            # it begins where the syntax tree says; where a block ends the two do not agree
            start = self._range(line)[:2]
            found = [place for place in places if place[:2] == start]
            return found[0] if len(found) == 1 else None
        if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
            where = self._range(line.body[0])
            return where if where in places else None
        return None

    def _inserted_lines(self, line: Any, inserted: Mapping[Range, list[str]]) -> list[Any]:
        where = self._place(line, inserted)
        if where is None:
            return []
        self.open.discard(where)
        return [cst.parse_statement(text) for text in inserted[where]]

    def _line(self, original: Any, updated: Any) -> Any:
        """Statements between semicolons."""
        if isinstance(original, cst.SimpleStatementLine) and len(original.body) == 1:
            return updated
        body: list[Any] = []
        for before, after in zip(original.body, updated.body, strict=True):
            where = self._range(before)
            if where in self._edits.removed_statements:
                self.open.discard(where)
                continue
            body.append(after)
            if where in self._edits.inserted_after:
                self.open.discard(where)
                body.extend(self._spliced(body, self._edits.inserted_after[where]))
        body[-1:] = (
            [body[-1].with_changes(semicolon=updated.body[-1].semicolon)] if body else [cst.Pass()]
        )
        return updated.with_changes(body=body)

    def _spliced(self, body: list[Any], texts: list[str]) -> list[Any]:
        semicolon = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))
        ending = body[-1].semicolon
        body[-1] = body[-1].with_changes(semicolon=semicolon)
        new: list[Any] = []
        for text in texts:
            line = cst.parse_statement(text)
            assert isinstance(line, cst.SimpleStatementLine)
            new.append(line.body[0].with_changes(semicolon=semicolon))
        new[-1] = new[-1].with_changes(semicolon=ending)
        return new


class _Verbatim(cst.CSTTransformer):
    """Lines inside an expression already have their indentation; the block's must not be added."""

    def leave_ParenthesizedWhitespace(  # noqa: N802  (libcst finds it by this name)
        self,
        original_node: cst.ParenthesizedWhitespace,  # noqa: ARG002
        updated_node: cst.ParenthesizedWhitespace,
    ) -> cst.ParenthesizedWhitespace:
        lines = [line.with_changes(indent=False) for line in updated_node.empty_lines]
        return updated_node.with_changes(indent=False, empty_lines=lines)


def expression(text: str) -> cst.BaseExpression:
    """Text as an expression; one that spans lines on its own gets parentheses."""
    try:
        parsed = cst.parse_expression(text)
    except cst.ParserSyntaxError:
        parsed = cst.parse_expression(f"({text})")
    result = parsed.visit(_Verbatim())
    assert isinstance(result, cst.BaseExpression)
    return result


def set_argument(call: cst.Call, argument: Argument) -> cst.Call:
    """The call with `name=text`: the value is replaced where it is given, else added at the end."""
    value = expression(argument.text)
    args = list(call.args)
    for index, arg in enumerate(args):
        named = arg.keyword is not None and arg.keyword.value == argument.name
        if named or (arg.keyword is None and not arg.star and index == argument.position):
            args[index] = arg.with_changes(value=value)
            return call.with_changes(args=args)
    new = cst.Arg(
        value,
        keyword=cst.Name(argument.name),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    return call.with_changes(args=_appended(call, args, new))


def _appended(call: cst.Call, args: list[cst.Arg], new: cst.Arg) -> list[cst.Arg]:
    if not args:
        return [new]
    last = args[-1]
    previous = args[-2].comma if len(args) > 1 else None
    before = (
        previous.whitespace_after
        if isinstance(previous, cst.Comma)
        else call.whitespace_before_args
    )
    if isinstance(last.comma, cst.Comma):
        comma, tail = last.comma, last.comma.whitespace_after
        new = new.with_changes(comma=comma.with_changes(whitespace_after=_bare(tail)))
    else:
        comma, tail = cst.Comma(), last.whitespace_after_arg
        new = new.with_changes(whitespace_after_arg=_bare(tail))
    between: cst.BaseParenthesizableWhitespace = cst.SimpleWhitespace(" ")
    if isinstance(before, cst.ParenthesizedWhitespace):
        between = _bare(before)
    if isinstance(tail, cst.ParenthesizedWhitespace) and _comments(tail):
        inner = between if isinstance(between, cst.ParenthesizedWhitespace) else tail
        between = tail.with_changes(indent=inner.indent, last_line=inner.last_line)
    args[-1] = last.with_changes(
        comma=comma.with_changes(whitespace_after=between),
        whitespace_after_arg=cst.SimpleWhitespace(""),
    )
    return [*args, new]


def remove_element(node: Any, index: int) -> Any:
    """A call, list or tuple without one element; comments of its neighbours stay."""
    is_call = isinstance(node, cst.Call)
    children = list(node.args if is_call else node.elements)
    removed = children.pop(index)
    if index == len(children) and children:
        before = children[-1].comma.whitespace_after
        trailing = isinstance(removed.comma, cst.Comma)
        if is_call:
            tail = removed.comma.whitespace_after if trailing else removed.whitespace_after_arg
            tail = _merged(before, tail)
            children[-1] = (
                children[-1].with_changes(comma=removed.comma.with_changes(whitespace_after=tail))
                if trailing
                else children[-1].with_changes(
                    comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=tail
                )
            )
        else:
            node = _closed(node, before)
            comma = removed.comma
            children[-1] = children[-1].with_changes(comma=comma)
    return node.with_changes(**{"args" if is_call else "elements": children})


def _closed(node: Any, before: Any) -> Any:
    """A list or tuple whose closing bracket takes over the comment behind the last element."""
    if isinstance(node, cst.List):
        tail = _merged(before, node.rbracket.whitespace_before)
        return node.with_changes(rbracket=node.rbracket.with_changes(whitespace_before=tail))
    if node.rpar:
        tail = _merged(before, node.rpar[0].whitespace_before)
        closing = node.rpar[0].with_changes(whitespace_before=tail)
        return node.with_changes(rpar=[closing, *node.rpar[1:]])
    return node


def _merged(before: Any, tail: Any) -> Any:
    """Whitespace before the closing bracket, with the comments that stood before the element."""
    if isinstance(before, cst.ParenthesizedWhitespace) and _comments(before):
        if isinstance(tail, cst.ParenthesizedWhitespace):
            return before.with_changes(indent=tail.indent, last_line=tail.last_line)
        return before
    return _bare(tail)


def _bare(space: Any) -> Any:
    """The same line break and indentation, without comments."""
    if isinstance(space, cst.ParenthesizedWhitespace):
        newline = space.first_line.newline
        return cst.ParenthesizedWhitespace(
            first_line=cst.TrailingWhitespace(newline=newline),
            indent=space.indent,
            last_line=space.last_line,
        )
    return space


def _comments(space: cst.ParenthesizedWhitespace) -> bool:
    return space.first_line.comment is not None or any(line.comment for line in space.empty_lines)
