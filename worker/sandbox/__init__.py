"""The two neighbours of the product, Bokun and Space Invoices, played across real HTTP."""

from worker.sandbox.sandbox import Sandbox
from worker.sandbox.scenario import Scenario

__all__ = ["Sandbox", "Scenario"]
