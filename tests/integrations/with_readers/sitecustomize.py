"""Makes axolotl and LLaMA-Factory importable in a process and its children, from where tools/get_readers.py puts them.

    PYTHONPATH=tests/integrations/with_readers everyturn bench --parity

What they import and do not need to prepare chats is replaced by empty modules: see `readers.isolation`.
"""

import os
import sys
import types
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from readers import isolation

if isolation.FOLDER.is_dir():
    sys.path.append(str(isolation.FOLDER))
    # LLaMA-Factory asks for an older transformers than the tests have.
    os.environ.setdefault("DISABLE_VERSION_CHECK", "1")
    numba = types.ModuleType("numba")
    vars(numba)["njit"] = lambda function: function
    sys.modules["numba"] = numba
    isolation.without("posthog", "av", "torchaudio", "omegaconf")
