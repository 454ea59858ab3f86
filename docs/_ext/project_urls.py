"""The addresses of the project, which stand in setup.cfg and nowhere else in the code."""

import configparser


def project_urls(setup_cfg):
    """Return the addresses by their names, such as ``Source`` and ``Documentation``."""
    config = configparser.ConfigParser()
    config.read(setup_cfg, encoding="utf-8")
    lines = config["metadata"]["project_urls"].strip().splitlines()
    return dict(map(str.strip, line.split("=", 1)) for line in lines)
