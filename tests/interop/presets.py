"""The processors of async-kinesis by the names that the presets have here."""

from kinesis import processors

PROCESSORS = {
    "string": processors.StringProcessor,
    "json": processors.JsonProcessor,
    "json-line": processors.JsonLineProcessor,
    "json-list": processors.JsonListProcessor,
    "msgpack": processors.MsgpackProcessor,
    "kpl-json": processors.KPLJsonProcessor,
    "kpl-string": processors.KPLStringProcessor,
}
