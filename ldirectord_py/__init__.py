"""The director daemon for Linux Virtual Server: health-checked IPVS tables from an ldirectord.cf."""
