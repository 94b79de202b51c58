"""Why an address cannot be bound."""

import errno


def bind_problem(group: str, host: str, port: int, fault: OSError) -> str:
    """Why an address of the option group ``group`` cannot be bound, and what to do."""
    variable = f"{group}.port (TRUNKLINE_{group.upper()}__PORT)"
    if fault.errno == errno.EADDRINUSE:
        return (f"{host}:{port} is in use by another program; `ss -ltnp 'sport = :{port}'` shows which. "
                f"End it, or set {variable} to another port")
    if fault.errno == errno.EACCES:
        return f"{host}:{port} needs rights that this user has not; set {variable} to a port from 1024 on"
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; set {group}.host (TRUNKLINE_{group.upper()}__HOST)"
    return f"{host}:{port} cannot be bound: {fault.strerror or fault}; see {variable}"
