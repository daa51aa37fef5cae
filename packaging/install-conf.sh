#!/bin/sh
# install-conf.sh SOURCE FOLDER - the last part of `meson install`: the shipped configuration, where there is none yet.
#
# A configuration that is there belongs to the administrator: nothing of it is overwritten, and no file comes back that was
# taken out of conf.d on purpose.
set -eu
source=$1
folder=${DESTDIR:-}$2

mkdir -p "$folder"
if [ -d "$folder/conf.d" ]; then
	echo "$folder/conf.d is there already: left as it is"
else
	mkdir "$folder/conf.d"
	for file in "$source"/conf.d/*.conf; do
		install -m 644 "$file" "$folder/conf.d/"
	done
fi
if [ -e "$folder/weir.yml" ]; then
	echo "$folder/weir.yml is there already: left as it is"
else
	install -m 644 "$source/weir.yml" "$folder/weir.yml"
fi
