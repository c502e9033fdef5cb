"""CloudWatch's alarms, as far as the template uses them: which state an alarm is in, given data.

MiniStack knows neither metric math nor periods without data, so it cannot say whether an alarm would fire.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
OPERATORS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
STATISTICS = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": len,
}
# What metric math gets beside the metrics. None is a period without data.
FUNCTIONS = {
    "FILL": lambda value, instead: instead if value is None else value,
    "IF": lambda condition, then, otherwise: then if condition else otherwise,
}


def resolved(value: object, parameters: dict) -> str:
    """A value of the template as text: a parameter's value, and else the logical name of what is referred to."""
    if not isinstance(value, dict):
        return str(value)
    [(function, argument)] = value.items()
    if function == "Ref":
        return str(parameters.get(argument, argument))
    if function == "Fn::GetAtt":
        return ".".join(argument)
    if function == "Fn::Sub":
        for name, known in parameters.items():
            argument = argument.replace(f"${{{name}}}", str(known))
        return argument
    raise AssertionError(f"{function} in an alarm")


@dataclass(frozen=True)
class Metric:
    """A metric, by all that tells it from others."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass
class Data:
    """Data points: the value of a metric at a second."""

    points: dict[Metric, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def put(self, metric: Metric, at: float, value: float) -> None:
        self.points[metric].append((at, value))

    def put_line(self, line: str, at: float | None = None) -> None:
        """The metrics of a line in the embedded metric format, at its own time if none is given."""
        said = json.loads(line)
        when = said["_aws"]["Timestamp"] / 1000 if at is None else at
        for directive in said["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, said[name]) for name in names))
                for metric in directive["Metrics"]:
                    self.put(Metric(directive["Namespace"], metric["Name"], dimensions), when, said[metric["Name"]])

    def value(self, metric: Metric, statistic: str, since: float, until: float) -> float | None:
        values = [value for at, value in self.points[metric] if since <= at < until]
        return STATISTICS[statistic](values) if values else None


class Alarm:
    """An alarm of the translated template."""

    def __init__(self, logical: str, properties: dict, parameters: dict):
        self.name = logical
        self._properties = properties
        watched = properties.get("Metrics")
        if watched is None:
            stat = {"Metric": properties, "Period": properties["Period"], "Stat": properties["Statistic"]}
            watched = [{"Id": "value", "MetricStat": stat}]
        self._stats, self._expression = {}, "value"
        for one in watched:
            if "Expression" in one:
                self._expression = resolved(one["Expression"], parameters)
                continue
            stat = one["MetricStat"]
            dimensions = [(each["Name"], resolved(each["Value"], parameters)) for each in stat["Metric"]["Dimensions"]]
            metric = Metric(stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], tuple(sorted(dimensions)))
            self._stats[one["Id"]] = (metric, stat["Stat"])
            self.period = stat["Period"]

    def __repr__(self) -> str:
        return self.name

    @property
    def metrics(self) -> list[Metric]:
        return [metric for metric, _ in self._stats.values()]

    @property
    def seconds(self) -> int:
        """The time that it looks back."""
        return self.period * self._properties["EvaluationPeriods"]

    def _value(self, data: Data, until: float) -> float | None:
        values = {name: data.value(metric, stat, until - self.period, until) for name, (metric, stat) in self._stats.items()}
        try:
            return eval(self._expression, {"__builtins__": {}}, FUNCTIONS | values)
        except TypeError:
            return None  # A period without data, in a sum.

    def state(self, data: Data, now: float) -> str:
        """The state in which the data up to now leaves an alarm."""
        watched = self._properties
        periods = watched["EvaluationPeriods"]
        values = [self._value(data, now - index * self.period) for index in range(periods)]
        if all(value is None for value in values) and watched["TreatMissingData"] == "missing":
            return NO_DATA
        breaches = OPERATORS[watched["ComparisonOperator"]]
        missing = {"breaching": True, "notBreaching": False, "missing": False}[watched["TreatMissingData"]]
        count = sum(missing if value is None else breaches(value, watched["Threshold"]) for value in values)
        return ALARM if watched.get("DatapointsToAlarm", periods) <= count else OK

    def notifies(self, before: str, after: str) -> bool:
        """Whether the topic hears that something is wrong when the state changes. An alarm begins without data."""
        action = {ALARM: "AlarmActions", NO_DATA: "InsufficientDataActions", OK: None}[after]
        return before != after and action is not None and action in self._properties


def holds(template: dict, condition: object, parameters: dict) -> bool:
    """Whether a condition of the template holds."""
    if isinstance(condition, str):
        condition = {"Condition": condition}
    [(function, argument)] = condition.items()
    match function:
        case "Condition":
            return holds(template, template["Conditions"][argument], parameters)
        case "Fn::Equals":
            return len({resolved(value, parameters) for value in argument}) == 1
        case "Fn::Not":
            return not holds(template, argument[0], parameters)
        case "Fn::And":
            return all(holds(template, one, parameters) for one in argument)
        case "Fn::Or":
            return any(holds(template, one, parameters) for one in argument)
    raise AssertionError(f"{function} in a condition")


def alarms(template: dict, parameters: dict, only_deployed: bool = False) -> list[Alarm]:
    """The alarms of a translated template; only those whose condition holds, if that is asked for."""
    found = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    if only_deployed:
        found = {name: one for name, one in found.items() if "Condition" not in one or holds(template, one["Condition"], parameters)}
    return [Alarm(name, one["Properties"], parameters) for name, one in found.items()]
