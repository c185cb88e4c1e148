"""The sandbox, tried from outside; a package, so that its names meet no others."""
