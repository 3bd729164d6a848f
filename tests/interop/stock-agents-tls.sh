#!/bin/sh
# SPDX-License-Identifier: ISC
# stock-agents-tls.sh -- stock-agents.sh with TLS on the one port.
STOCK_TLS=1; export STOCK_TLS
exec "${srcdir:-.}/tests/interop/stock-agents.sh"
