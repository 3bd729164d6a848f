#!/bin/sh
# SPDX-License-Identifier: ISC
# Twenty meshes of twenty agents under faults.
exec "${builddir:-.}/tests/play/seeds" --hosts 20 --count 20 --faults 3 --from 301
