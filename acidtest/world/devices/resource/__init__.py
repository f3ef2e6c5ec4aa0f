"""Resource managers of distributed transactions: `manager` is one of them, `faults` what may befall its calls, `device` all of a world."""
