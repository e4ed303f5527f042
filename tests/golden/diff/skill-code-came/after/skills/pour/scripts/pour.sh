#!/bin/sh
echo pour
