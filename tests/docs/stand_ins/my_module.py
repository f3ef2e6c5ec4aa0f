"""What a page calls my_module, where any right coordinator will do."""

from acidtest.impl.two_phase_commit import Coordinator as MyCoordinator

__all__ = ["MyCoordinator"]
