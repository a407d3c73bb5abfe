"""Is not in the archive; that it can be found lets a file pass that needs it for what the archive does not do."""

raise ImportError("ldirectord.pyz does not have oracledb: install ldirectord-py")
