"""What handlers may ask for by name; `app.py` provides it."""

from litestar.di import NamedDependency

from gateway.inference.gateway import Gateway
from gateway.keys.find import KeyFinder
from gateway.keys.types import Caller

TheGateway = NamedDependency[Gateway]
TheCaller = NamedDependency[Caller]
TheFinder = NamedDependency[KeyFinder]
TheKeySecret = NamedDependency[bytes]
