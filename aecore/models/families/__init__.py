"""Every family of autoencoder, one function each.

A family chooses a network, a bottleneck, a loss and a corruption. Its signature is the form that people fill in, its
docstring the text beside the form, the keys of its losses the curves on the chart. A new one goes into the file that
it is closest to, or into a new one that is imported here. Forms, command line and docs list families in this order.
"""

# isort: off
from aecore.models.families import deterministic as deterministic
from aecore.models.families import sparse as sparse
from aecore.models.families import variational as variational
from aecore.models.families import adversarial as adversarial
from aecore.models.families import energy as energy
from aecore.models.families import quantized as quantized
from aecore.models.families import posteriors as posteriors
from aecore.models.families import flows as flows
from aecore.models.families import semi_supervised as semi_supervised
from aecore.models.families import bayesian as bayesian
from aecore.models.families import masked as masked
