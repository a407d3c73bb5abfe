"""A cluster of one node in a Debian: corosync and Pacemaker, with the director as its only resource."""

from __future__ import annotations

from typing import Final

from harness.machines.speed import slowness
from systemd.site import CONFIG, Site

RESOURCE: Final = "director"
NODE: Final = "director"
OPERATION_SECONDS: Final = 180
"""Each action of the agent, on an ordinary idle host; some start Python three times, for 5 s each in the machine."""

INTERVAL: Final = 5
FILE: Final = "/var/lib/pacemaker/cib/cib.xml"
JOINED: Final = f"until crm_mon --one-shot | grep --quiet 'Online:.* {NODE} '; do sleep 2; done"
CIB: Final = f"""\
<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">
 <configuration>
  <crm_config>
   <cluster_property_set id="settings">
    <nvpair id="stonith" name="stonith-enabled" value="false"/>
    <nvpair id="deadtime" name="dc-deadtime" value="1s"/>
   </cluster_property_set>
  </crm_config>
  <nodes/>
  <resources>
   <primitive id="{RESOURCE}" class="ocf" provider="heartbeat" type="ldirectord">
    <instance_attributes id="attributes"><nvpair id="file" name="configfile" value="{CONFIG}"/></instance_attributes>
    <operations>
     <op id="start" name="start" interval="0" timeout="%(seconds)ds"/>
     <op id="stop" name="stop" interval="0" timeout="%(seconds)ds"/>
     <op id="monitor" name="monitor" interval="{INTERVAL}s" timeout="%(seconds)ds"/>
    </operations>
   </primitive>
  </resources>
  <constraints/>
 </configuration>
 <status/>
</cib>
"""
"""What the cluster shall do; it would learn nothing from the other nodes that it waits for ``dc-deadtime`` for."""


class Cluster:
    """A running cluster whose node can be put into standby."""

    def __init__(self, site: Site) -> None:
        """Start the cluster, which starts the director."""
        self._site = site
        guest = site.guest
        guest.run("cp", "/opt/project/tests/systemd/inside/corosync.conf", "/etc/corosync/")
        guest.write(FILE, CIB % {"seconds": OPERATION_SECONDS * slowness()}, "600")
        guest.run("chown", "hacluster:haclient", FILE)
        guest.run("systemctl", "start", "corosync", "pacemaker")
        guest.run("sh", "-c", JOINED)
        self.settle("Started")

    def settle(self, state: str) -> None:
        """Wait until the cluster has done all that it wants: the director is "Started" or "Stopped"."""
        self._site.guest.run("crm_resource", "--wait")
        shown = self.state()
        assert f"(ocf:heartbeat:ldirectord):\t {state}" in shown, f"{shown}\n{self._site.evidence('pacemaker')}"

    def state(self) -> str:
        """Return what the cluster shows of itself."""
        return self._site.guest.run("crm_mon", "--one-shot", "--inactive")

    def stand_by(self, value: bool) -> None:
        """Put the node into standby, or back, and wait for the director."""
        self._site.guest.run("crm_standby", "--node", NODE, "--update", "on" if value else "off")
        self.settle("Stopped" if value else "Started")

    def disable(self) -> None:
        """Let the cluster stop the director."""
        words = ("--set-parameter", "target-role", "--meta", "--parameter-value", "Stopped")
        self._site.guest.run("crm_resource", "--resource", RESOURCE, *words)
        self.settle("Stopped")

    def monitor(self) -> int:
        """Return the exit status of the agent's monitor, as the cluster runs it."""
        return self._site.guest.call("crm_resource", "--resource", RESOURCE, "--force-check").status
