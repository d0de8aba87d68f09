"""The answer is to fit a JSON schema with one constant: the response.

Of `response_format` ifrs sends "json" alone, to servers that transcribe.
"""

from stage import Forged, Stage

STOPPED_BY = "response_format is not one that ifrs sends"


def attack(stage: Stage) -> Forged:
    case = stage.case()

    def told(sent, index):
        schema = {"type": "string", "const": case.responses[index]}
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        sent["request"]["response_format"] = wanted

    return case.bent(told)
