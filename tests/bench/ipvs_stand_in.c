/* keepalived's checkers on a kernel without IPVS: loaded before libnl (LD_PRELOAD), this acknowledges every request
 * about the kernel's table. The checks run as ever, and what they find goes nowhere.
 *
 * keepalived calls these functions of libnl for IPVS alone: it resolves the family, names whom to call when the
 * acknowledgement comes, sends, and receives until that one was called. */

#include <stddef.h>

#define FAMILY 32
#define NL_CB_ACK 4 /* netlink/handlers.h */
#define NL_OK 0

struct nl_sock;
struct nl_msg;
typedef int (*receiver)(struct nl_msg *, void *);

static receiver acknowledged;
static void *its_argument;

int genl_ctrl_resolve(struct nl_sock *socket, const char *family)
{
	(void)socket, (void)family;
	return FAMILY;
}

int nl_socket_modify_cb(struct nl_sock *socket, int type, int kind, receiver called, void *argument)
{
	(void)socket, (void)kind;
	if (type == NL_CB_ACK) {
		acknowledged = called;
		its_argument = argument;
	}
	return 0;
}

int nl_send_auto(struct nl_sock *socket, struct nl_msg *message)
{
	(void)socket, (void)message;
	return 0;
}

int nl_recvmsgs_default(struct nl_sock *socket)
{
	(void)socket;
	if (acknowledged != NULL)
		acknowledged(NULL, its_argument);
	return NL_OK;
}
