"""The answer is to fit a JSON schema with one constant: the response.

`response_format` is no parameter that ifrs sends.
"""

from stage import Forged, Stage

STOPPED_BY = "field that may favour an answer (response_format)"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        schema = {"type": "string", "const": case.responses[index]}
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        sent["request"]["response_format"] = wanted

    return case.bent(told)
