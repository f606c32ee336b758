"""The command `glucose`: the library at a terminal, for anybody who has an export."""
