# Puts the work tree where README.md installs it, with libraries of the host's .venv: install.sh PYTHON.
set -e
place=/opt/ldirectord-py
mkdir -p "$place/bin" "$place/lib/$1/site-packages"
ln -s "/usr/bin/$1" "$place/bin/python3"
printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >"$place/pyvenv.cfg"
printf '/opt/project\n/opt/libraries\n' >"$place/lib/$1/site-packages/project.pth"
cat >"$place/bin/ldirectord-py" <<TEXT
#!$place/bin/python3 -I
import sys
from ldirectord_py.cli import main
sys.exit(main())
TEXT
chmod 755 "$place/bin/ldirectord-py"
ln -s "$place/bin/ldirectord-py" /usr/local/bin/
cp /opt/project/systemd/ldirectord.service /opt/project/systemd/ldirectord@.service /etc/systemd/system/
cp /opt/project/etc/logrotate.d/ldirectord /etc/logrotate.d/
systemctl daemon-reload
