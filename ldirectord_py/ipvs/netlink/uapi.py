"""Constants of the kernel, under its own names: <linux/netlink.h>, <linux/genetlink.h>, <linux/ip_vs.h>."""

from __future__ import annotations

import struct
from typing import Final

AF_INET: Final = 2
AF_INET6: Final = 10

NETLINK_GENERIC: Final = 16
SOL_NETLINK: Final = 270
NETLINK_CAP_ACK: Final = 10
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33

NLMSGHDR: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence number and port of a message."""
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x1
NLM_F_MULTI: Final = 0x2
NLM_F_ACK: Final = 0x4
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_DUMP: Final = 0x300

NLATTR: Final = struct.Struct("=HH")
"""Length and type of an attribute; its value follows, padded to four bytes."""
NLA_F_NESTED: Final = 0x8000
NLA_TYPE_MASK: Final = 0x3FFF

GENL_HDRLEN: Final = 4
GENL_ID_CTRL: Final = 16
CTRL_CMD_GETFAMILY: Final = 3
CTRL_ATTR_FAMILY_ID: Final = 1
CTRL_ATTR_FAMILY_NAME: Final = 2

IPVS_GENL_NAME: Final = "IPVS"
IPVS_GENL_VERSION: Final = 1

IPVS_CMD_NEW_SERVICE: Final = 1
IPVS_CMD_SET_SERVICE: Final = 2
IPVS_CMD_DEL_SERVICE: Final = 3
IPVS_CMD_GET_SERVICE: Final = 4
IPVS_CMD_NEW_DEST: Final = 5
IPVS_CMD_SET_DEST: Final = 6
IPVS_CMD_DEL_DEST: Final = 7
IPVS_CMD_GET_DEST: Final = 8

IPVS_CMD_ATTR_SERVICE: Final = 1
IPVS_CMD_ATTR_DEST: Final = 2

IPVS_SVC_ATTR_AF: Final = 1
IPVS_SVC_ATTR_PROTOCOL: Final = 2
IPVS_SVC_ATTR_ADDR: Final = 3
IPVS_SVC_ATTR_PORT: Final = 4
IPVS_SVC_ATTR_FWMARK: Final = 5
IPVS_SVC_ATTR_SCHED_NAME: Final = 6
IPVS_SVC_ATTR_FLAGS: Final = 7
IPVS_SVC_ATTR_TIMEOUT: Final = 8
IPVS_SVC_ATTR_NETMASK: Final = 9
IPVS_SVC_ATTR_STATS: Final = 10
IPVS_SVC_ATTR_PE_NAME: Final = 11
IPVS_SVC_ATTR_STATS64: Final = 12

IPVS_DEST_ATTR_ADDR: Final = 1
IPVS_DEST_ATTR_PORT: Final = 2
IPVS_DEST_ATTR_FWD_METHOD: Final = 3
IPVS_DEST_ATTR_WEIGHT: Final = 4
IPVS_DEST_ATTR_U_THRESH: Final = 5
IPVS_DEST_ATTR_L_THRESH: Final = 6
IPVS_DEST_ATTR_ACTIVE_CONNS: Final = 7
IPVS_DEST_ATTR_INACT_CONNS: Final = 8
IPVS_DEST_ATTR_PERSIST_CONNS: Final = 9
IPVS_DEST_ATTR_ADDR_FAMILY: Final = 11
IPVS_DEST_ATTR_TUN_TYPE: Final = 13
IPVS_DEST_ATTR_TUN_PORT: Final = 14
IPVS_DEST_ATTR_TUN_FLAGS: Final = 15

IP_VS_CONN_F_FWD_MASK: Final = 0x7
IP_VS_SVC_F_SETTABLE: Final = 0x3D
"""All flags of a service but the kernel's own IP_VS_SVC_F_HASHED."""
